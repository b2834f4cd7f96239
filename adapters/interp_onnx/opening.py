"""Opening an ONNX file: read it, open a session, check its scores, describe it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from onnx import ModelProto

from interp.errors import ModelError
from interp.network.preprocess import probe_images, wide_images
from interp.opening.description import Lookup, describe_output
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
from interp_onnx.network import Network
from interp_onnx.quantised import expose_fractions
from interp_onnx.session import Engine, choose_engine, open_session
from interp_onnx.signature import ImageInput, find_image, find_scores, normalises

PLAIN = ModelOptions()
SLOPES = (
    "the model is quantised: slopes, as in Grad-CAM, are those of the same network without its "
    "rounding"
)
"""The normalisation that changes nothing."""


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
    network, notes = place(path, model, engine, known, sidecar, options)
    several = len(model.graph.output) > 1
    output = describe_output(
        network.forward(network.encode(probe_images(network.input))),
        known,
        path,
        sidecar,
        options,
        path.name,
        lambda: network.forward(network.encode(wide_images(network.input))),
        lookup,
    )
    spec = ModelSpec(
        name=path.stem,
        source=source,
        input=network.input,
        activation=output.activation,
        classes=output.classes,
        readout=output.readout,
        unit=output.unit,
        output=network.graph.output if several else None,
        device=str(network.engine.device),
        fingerprint=fingerprint(model),
        origin=about.get(ORIGIN),
        notes=(*notes, *output.notes),
    )
    return OnnxAdapter(replace(network, scores=output.scores), spec, output.normalised)


def place(
    path: Path,
    model: ModelProto,
    engine: Engine,
    known: ModelCard,
    sidecar: ModelCard,
    options: ModelOptions,
) -> tuple[Network, list[str]]:
    """The model on its device, with a free batch where its graph allows, and notes."""
    image, guessed = find_image(model, path.name)
    output, chosen = find_scores(model, path.name, options.output_name)
    model = expose_fractions(with_one_output(Graph(model, image.name, output)))
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
    limits += [SLOPES] * graph.quantised
    return network, [*guessed, *chosen, *assumed, *fallen, *limits]


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
    if len(graph.model.graph.output) == 1:
        return graph.model
    model = ModelProto()
    model.CopyFrom(graph.model)
    kept = [each for each in model.graph.output if each.name == graph.output]
    nodes = graph.before([graph.output])
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
