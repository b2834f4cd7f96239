"""Opening an ONNX file: read it, open a session, check its scores, describe it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from onnx import ModelProto
from torch import Tensor

from interp.errors import ModelError
from interp.network.outputs import part_note
from interp.network.preprocess import probe_images
from interp.network.scores import VARIES, close
from interp.opening.description import Lookup, choose_readout
from interp.readout import RawOutput, Readout
from interp.spec import InputSpec, ModelOptions, ModelSpec
from interp.storage.model_card import (
    ORIGIN,
    ModelCard,
    describe_input,
    from_metadata,
    read_model_card,
)
from interp_onnx.adapter import OnnxAdapter
from interp_onnx.batch import settle_batch
from interp_onnx.file import fingerprint, metadata, read_model
from interp_onnx.graph import Graph
from interp_onnx.network import Network, flatten_scores, is_shape
from interp_onnx.quantised import expose_fractions
from interp_onnx.session import Engine, choose_engine, open_session
from interp_onnx.signature import ImageInput, find_image, find_scores, named_output, normalises

PLAIN = ModelOptions()
STEADY = 1e-3
"""How far two answers to one image may be apart, relative to the largest score."""
SLOPES = (
    "the model is quantised: slopes, as in Grad-CAM, are those of the same network without its "
    "rounding, and products of 8 bits do not saturate, as onnxruntime by default lets them do "
    "on processors without VNNI"
)
"""Note on a quantised model."""


def open_model(
    source: str, options: ModelOptions = PLAIN, lookup: Lookup | None = None
) -> OnnxAdapter:
    """Open an .onnx file; ModelError for what no readout understands."""
    path = Path(source)
    _check_options(path.name, options)
    engine = choose_engine(options.device)
    return describe(source, read_model(path), engine, options, lookup)


def describe(
    source: str,
    model: ModelProto,
    engine: Engine,
    options: ModelOptions,
    lookup: Lookup | None = None,
) -> OnnxAdapter:
    """The adapter of a model that was read; ModelError unless its readout understands it."""
    path = Path(source)
    sidecar, about = read_model_card(path), metadata(model)
    known = from_metadata(about, path.name)
    chosen = choose_readout(options, sidecar, known, lookup)
    network, notes = place(path, model, engine, known, sidecar, options, chosen.readout)
    several = len(model.graph.output) > 1
    answer, again = (_raw(network, probe_images(network.input)) for _ in range(2))
    if isinstance(answer, Tensor) and not close(answer, again, STEADY):
        notes = [*notes, VARIES]
    output = chosen.describe(
        RawOutput(
            path.name,
            answer,
            options,
            sidecar,
            known,
            path,
            input=network.input,
            run=lambda images: _raw(network, images),
        )
    )
    spec = ModelSpec(
        name=path.stem,
        source=source,
        input=network.input,
        activation=output.activation,
        classes=output.classes,
        readout=output.readout,
        readout_params=output.params,
        unit=output.unit,
        output=network.graph.output if several and not network.outputs else None,
        device=str(network.engine.device),
        fingerprint=fingerprint(model),
        origin=about.get(ORIGIN),
        notes=(*notes, *output.notes),
    )
    return OnnxAdapter(replace(network, scores=output.scores), spec, output)


def _raw(network: Network, images: Tensor) -> Any:
    """The graph's raw output for images (N, 3, h, w); a tensor of scores as (N, K) float32."""
    found = network.raw(network.encode(images))
    return flatten_scores(found).float() if isinstance(found, Tensor) else found


def place(
    path: Path,
    model: ModelProto,
    engine: Engine,
    known: ModelCard,
    sidecar: ModelCard,
    options: ModelOptions,
    readout: Readout,
) -> tuple[Network, list[str]]:
    """The model on its device, with a free batch where its graph allows, and notes.

    A readout that reads no scores is given all outputs, unless one is named or it reads one part.
    """
    image, guessed = find_image(model, path.name)
    outputs, chosen = _read_outputs(model, path.name, options.output_name, readout)
    output = outputs[0]
    if len(outputs) == 1:
        model = with_one_output(Graph(model, image.name, output))
    model = expose_fractions(model)
    sized = {"size": image.size} if image.size else {}
    plain = plain_input(image) if image.whole else {}
    spec, assumed = describe_input(
        {**known.input, **plain, **sized}, sidecar, options, image.channels
    )
    _check_size(path.name, image, spec)
    _check_whole(path.name, image, spec)
    given = {**known.input, **sidecar.input, **options.input}
    if not image.whole and not {"mean", "std"} & given.keys():
        assumed += _on_normalisation(model, image)
    engine, session, fallen = open_session(engine, model, path.name)
    graph = Graph(model, image.name, output)
    network = Network(graph, image, spec, engine, session, image.batch)
    network, limits = settle_batch(network, path.name)
    if len(outputs) > 1:
        network = replace(network, outputs=outputs, apart=_without_batch(network))
        probed = _raw(network, probe_images(network.input))
        if keys := readout.part(probed, len(probe_images(network.input))):
            options = options.model_copy(update={"output_name": keys[0]})
            network, notes = place(path, model, engine, known, sidecar, options, readout)
            return network, [part_note(probed, keys), *notes]
    limits += [SLOPES] * graph.quantised
    return network, [*guessed, *chosen, *assumed, *fallen, *limits]


def _without_batch(network: Network) -> bool:
    """Whether an output of one image has another number of rows than one."""
    if network.batch not in (None, 1):
        return False
    images = network.encode(probe_images(network.input)).split(1)
    values = [value for one in images for value in network.session(one) if not is_shape(value)]
    return any(len(value) != 1 for value in values)


def _read_outputs(
    model: ModelProto, name: str, wanted: str | None, readout: Readout
) -> tuple[tuple[str, ...], list[str]]:
    """The outputs that a readout reads, all or one, and notes. Raises ModelError."""
    if readout.reads_scores:
        output, notes = find_scores(model, name, wanted)
        return (output,), notes
    if wanted is not None:
        return (named_output(model, name, wanted).name,), []
    return tuple(each.name for each in model.graph.output), []


def plain_input(image: ImageInput) -> dict[str, object]:
    """The normalisation that leaves an image as it is."""
    channels = image.channels or 3
    return {"mean": (0.0,) * channels, "std": (1.0,) * channels}


def _check_options(name: str, options: ModelOptions) -> None:
    if options.weights is not None:
        raise ModelError(f"{name} holds its own weights; leave out --weights")
    if options.precision != "fp32":
        raise ModelError(
            f"{name} runs in the precision it was exported in; leave out "
            f"--precision {options.precision}, or convert the file"
        )


def with_one_output(graph: Graph) -> ModelProto:
    """The model with the output that is read alone, and only what that needs."""
    nodes = graph.before([graph.output])
    if len(graph.model.graph.output) == 1 and len(nodes) == len(graph.nodes):
        return graph.model
    model = ModelProto()
    model.CopyFrom(graph.model)
    kept = [each for each in model.graph.output if each.name == graph.output]
    del model.graph.output[:], model.graph.node[:]
    model.graph.output.extend(kept)
    model.graph.node.extend(nodes)
    return model


def _on_normalisation(model: ModelProto, image: ImageInput) -> list[str]:
    """A note where the graph seems to normalise the image itself."""
    found = normalises(model, image.name)
    if not found:
        return []
    first = " and ".join(dict.fromkeys(found))
    note = (
        f"the graph begins with {first} on the image: it may normalise it itself; if so, set "
        "--input mean=0,0,0 --input std=1,1,1, and for pixels from 0 to 255 --input "
        "std=.0039216,.0039216,.0039216"
    )
    return [note]


def _check_whole(name: str, image: ImageInput, spec: InputSpec) -> None:
    """Raise ModelError for a normalisation of whole numbers."""
    if image.whole and (set(spec.mean), set(spec.std)) != ({0}, {1}):
        raise ModelError(
            f"{name} takes whole numbers, 0 to 255, which cannot be normalised; found mean "
            f"{spec.mean} and std {spec.std}; leave both out"
        )


def _check_size(name: str, image: ImageInput, spec: InputSpec) -> None:
    if image.size not in (None, spec.size):
        (h, w), (height, width) = image.size or (0, 0), spec.size
        raise ModelError(f"{name} takes images of {h}x{w} only; found size {height}x{width}")
