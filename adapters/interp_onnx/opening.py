"""From a file to an adapter: read, placed, described, and its first answers checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from onnx import ModelProto
from torch import Tensor

from interp.errors import ModelError
from interp.network.activation import sum_to_one
from interp.network.preprocess import probe_images
from interp.spec import InputSpec, ModelOptions, ModelSpec
from interp.storage.model_card import (
    ORIGIN,
    ModelCard,
    describe_input,
    from_metadata,
    name_classes,
    read_model_card,
)
from interp_onnx.adapter import OnnxAdapter
from interp_onnx.file import fingerprint, metadata, read_model
from interp_onnx.graph import Graph
from interp_onnx.network import Network, settle_batch
from interp_onnx.port import Port, find_image, find_scores
from interp_onnx.session import Engine, choose_engine, open_session

PLAIN = ModelOptions()


def open_model(source: str, options: ModelOptions = PLAIN, _lookup: Any = None) -> OnnxAdapter:
    """The model in an .onnx file. Raises ModelError for what is no classifier of images."""
    path = Path(source)
    _check_options(path.name, options)
    engine = choose_engine(options.device)
    return describe(source, read_model(path), engine, options)


def describe(source: str, model: ModelProto, engine: Engine, options: ModelOptions) -> OnnxAdapter:
    """Settle everything the file left open, and check that the model answers scores."""
    path = Path(source)
    sidecar, said = read_model_card(path), metadata(model)
    known = from_metadata(said, path.name)
    network, notes = place(path, model, engine, known, sidecar, options)
    scores = _check_answer(network, path.name)
    normalised = sum_to_one(scores)
    activation = options.activation or sidecar.activation or known.activation
    if activation is None:
        activation = "none" if normalised else "softmax"
        notes += ["the model answers probabilities; no activation is applied"] * normalised
    classes, told = name_classes(scores.shape[1], known.classes, path, sidecar, options)
    spec = ModelSpec(
        name=path.stem,
        source=source,
        input=network.input,
        activation=activation,
        classes=classes,
        device=str(network.engine.device),
        fingerprint=fingerprint(model),
        origin=said.get(ORIGIN),
        notes=(*notes, *told),
    )
    return OnnxAdapter(network, spec, normalised)


def place(
    path: Path,
    model: ModelProto,
    engine: Engine,
    known: ModelCard,
    sidecar: ModelCard,
    options: ModelOptions,
) -> tuple[Network, list[str]]:
    """The model on its device, for any number of images where that can be had; with notes."""
    port, guessed = find_image(model, path.name)
    output, chosen = find_scores(model, path.name)
    sized = {"size": port.size} if port.size else {}
    spec, assumed = describe_input({**known.input, **sized}, sidecar, options)
    _check_size(path.name, port, spec)
    engine, session, fallen = open_session(engine, model, path.name)
    network = Network(Graph(model, port.name, output), port, spec, engine, session, port.batch)
    network, limits = settle_batch(network, path.name)
    return network, [*guessed, *chosen, *assumed, *fallen, *limits]


def _check_options(name: str, options: ModelOptions) -> None:
    if options.weights is not None:
        raise ModelError(f"{name} holds its own weights; leave out --weights")
    if options.precision != "fp32":
        raise ModelError(
            f"{name} runs in the precision it was exported in; leave out "
            f"--precision {options.precision}, or convert the file"
        )


def _check_size(name: str, port: Port, spec: InputSpec) -> None:
    if port.size not in (None, spec.size):
        (h, w), (height, width) = port.size or (0, 0), spec.size
        raise ModelError(f"{name} takes images of {h}x{w} only; found size {height}x{width}")


def _check_answer(network: Network, name: str) -> Tensor:
    """Scores (2, K) of two random images; ModelError unless they are finite scores."""
    scores = network.forward(network.encode(probe_images(network.input)))
    if scores.dim() != 2 or len(scores) != 2:
        raise ModelError(
            f"{name} answers {tuple(scores.shape)} to 2 images; expected scores (2, classes)"
        )
    if not bool(torch.isfinite(scores).all()):
        raise ModelError(f"{name} answers NaN or infinity to random images; check its weights")
    return scores
