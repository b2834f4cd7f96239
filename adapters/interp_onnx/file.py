"""ONNX files: reading, fingerprint, metadata, and short error messages."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterator, MutableSequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import onnx
import onnx.inliner
import onnx.shape_inference
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto
from onnx.external_data_helper import load_external_data_for_model, uses_external_data

from interp.errors import ModelError, first_line

LIMIT = 2**31
"""Largest model in bytes that protobuf, and so onnxruntime, accepts."""
CPP_LOCATION = re.compile(r"^/\S+:\d+ .*?\) (?=[A-Z])")


def read_model(path: Path) -> ModelProto:
    """The model in a file, with its external data loaded and local functions inlined."""
    if not path.is_file():
        raise ModelError(f"no model file {path}; check the path")
    if path.stat().st_size == 0:
        raise ModelError(f"{path} is empty; expected an ONNX model")
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # the parser's errors depend on protobuf's version
        raise ModelError(
            f"{path} cannot be read as ONNX ({error_line(error)}); expected a whole .onnx file; "
            "export it again"
        ) from error
    if any(isinstance(each, bytes) for each in _texts(model)):
        raise ModelError(f"{path} is damaged: a name in it is no text; export it again")
    if not model.graph.node or not model.graph.output:
        raise ModelError(
            f"{path} holds no ONNX graph; it is damaged or of another format; export it again"
        )
    _load_external(model, path)
    model = onnx.inliner.inline_local_functions(model) if model.functions else model
    sort_nodes(model.graph)
    _declare_outputs(model)
    return model


def _declare_outputs(model: ModelProto) -> None:
    """Add the types of outputs that the file leaves out, where they can be inferred."""
    bare = [each for each in model.graph.output if each.type.WhichOneof("value") is None]
    if not bare:
        return
    try:
        inferred = onnx.shape_inference.infer_shapes(model).graph.output
    except Exception:  # a model that onnxruntime runs may still puzzle the inference
        return
    types = {each.name: each.type for each in inferred}
    for each in bare:
        each.type.CopyFrom(types[each.name])


def sort_nodes(graph: GraphProto) -> None:
    """Put the nodes into the order of execution, as ONNX demands and some tools forget.

    A graph with a circle stays as it is.
    """
    made = {out: at for at, node in enumerate(graph.node) for out in node.output if out}
    needs = {
        at: {made[each] for each in _read(node) if each in made}
        for at, node in enumerate(graph.node)
    }
    if all(before < at for at, found in needs.items() for before in found):
        return
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError:
        return
    nodes = [graph.node[at] for at in order]
    ordered = [NodeProto.FromString(each.SerializeToString()) for each in nodes]
    del graph.node[:]
    graph.node.extend(ordered)


def _read(node: NodeProto) -> set[str]:
    """Names that a node and its inner graphs read, those of the inner graphs' own among them."""
    found = set(node.input)
    for attribute in node.attribute:
        for inner in inner_graphs(attribute):
            found |= {name for each in inner.node for name in _read(each)}
            found |= {each.name for each in inner.output}
    return found


def _texts(message: Any) -> Iterator[str | bytes]:
    """Every string in a protobuf message and its parts; bytes where it is no UTF-8."""
    for field, value in message.ListFields():
        several = value if isinstance(value, MutableSequence) else [value]
        if field.type == field.TYPE_STRING:
            yield from several
        elif field.type == field.TYPE_MESSAGE:
            for each in several:
                yield from _texts(each)


def _load_external(model: ModelProto, path: Path) -> None:
    """Load weights kept in files beside the model; ModelError for files in other folders."""
    folder = path.resolve().parent
    files = {path}
    for name, tensor in tensors(model.graph):
        if not uses_external_data(tensor):
            continue
        location = next((e.value for e in tensor.external_data if e.key == "location"), "")
        if not _is_inside(folder, location):
            raise ModelError(
                f"{path}: weights {name} lie in {location!r}, outside the model's folder; "
                "move them beside the model"
            )
        if not _is_file(folder / location):
            raise ModelError(
                f"{path}: weights file {location!r} is missing beside the model; put it there"
            )
        files.add(folder / location)
    size = sum(each.stat().st_size for each in files)
    if size >= LIMIT:
        raise ModelError(f"{path}: {size / 1e9:.1f} GB of weights; expected less than 2 GB")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # of a key it does not know: a lost offset
            load_external_data_for_model(model, str(folder))
    except Exception as error:
        raise ModelError(
            f"{path}: external weights cannot be read ({error_line(error)}); export it again"
        ) from error


def _is_inside(folder: Path, location: str) -> bool:
    """Whether a location is one of a file in the folder, links followed."""
    try:
        return (folder / location).resolve().is_relative_to(folder)
    except (OSError, ValueError):  # no name that a file can have
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # the name is too long
        return False


def tensors(graph: GraphProto) -> Iterator[tuple[str, TensorProto]]:
    """Every constant of a graph with its name: initializers and nodes' attributes.

    Those of inner graphs are included.
    """
    yield from ((each.name, each) for each in graph.initializer)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR:
                yield "".join(node.output[:1]), attribute.t
            for inner in inner_graphs(attribute):
                yield from tensors(inner)


def inner_graphs(attribute: AttributeProto) -> list[GraphProto]:
    """The graphs inside an attribute: bodies of loops and branches."""
    return [attribute.g] if attribute.type == AttributeProto.GRAPH else list(attribute.graphs)


def fingerprint(model: ModelProto) -> str:
    """sha256 over names, types, shapes and bytes of all constants, in the order of the names.

    Of a graph without constants it is that of its nodes.
    """
    digest = hashlib.sha256()
    constants = sorted(tensors(model.graph), key=lambda each: each[0])
    if not constants:
        digest.update(model.graph.SerializeToString(deterministic=True))
    for name, tensor in constants:
        digest.update(f"{name}{tensor.data_type}{tuple(tensor.dims)}".encode())
        digest.update(onnx.numpy_helper.to_array(tensor).tobytes())
    return digest.hexdigest()


def metadata(model: ModelProto) -> dict[str, str]:
    """The metadata of the file."""
    return {each.key: each.value for each in model.metadata_props}


def error_line(error: BaseException) -> str:
    """The first line of an error, without onnxruntime's error code and C++ source location."""
    text = first_line(error, limit=10_000)
    if text.startswith("[ONNXRuntimeError]"):
        text = text.rpartition(" : ")[2] or text
    return CPP_LOCATION.sub("", text)[:300]
