"""Reading a model file: what it holds, and one line for what cannot be read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import onnx
import onnx.inliner
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto
from onnx.external_data_helper import (
    load_external_data_for_model,
    uses_external_data,
)

from interp.errors import ModelError

PLACE = re.compile(r"^/\S+:\d+ .*?\) (?=[A-Z])")
ORIGIN = "interp.origin"
"""Metadata key of the fingerprint of the model that a file was exported from."""


def read_model(path: Path) -> ModelProto:
    """The model in a file with its external data and without local functions."""
    if not path.is_file():
        raise ModelError(f"no model file {path}; check the path")
    if path.stat().st_size == 0:
        raise ModelError(f"{path} is empty; expected an ONNX model")
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # the parser's errors depend on protobuf's version
        raise ModelError(f"{path} cannot be read as ONNX: {line(error)}") from error
    if not model.graph.node or not model.graph.output:
        raise ModelError(f"{path} holds no ONNX graph; it is damaged or of another format")
    _load_external(model, path)
    return onnx.inliner.inline_local_functions(model) if model.functions else model


def _load_external(model: ModelProto, path: Path) -> None:
    """Fill in weights kept in files beside the model, and in no other folder."""
    folder = path.resolve().parent
    for name, tensor in tensors(model.graph):
        if not uses_external_data(tensor):
            continue
        location = next((e.value for e in tensor.external_data if e.key == "location"), "")
        if not (folder / location).resolve().is_relative_to(folder):
            raise ModelError(
                f"{path}: weights {name} lie in {location!r}, outside the model's folder; "
                "move them beside the model"
            )
        if not (folder / location).is_file():
            raise ModelError(f"{path}: weights file {location!r} is missing beside the model")
    try:
        load_external_data_for_model(model, str(folder))
    except Exception as error:
        raise ModelError(f"{path}: external weights cannot be read: {line(error)}") from error


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
    """sha256 over names, types, shapes and bytes of all constants, in the order of the names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors(model.graph), key=lambda each: each[0]):
        digest.update(f"{name}{tensor.data_type}{tuple(tensor.dims)}".encode())
        digest.update(onnx.numpy_helper.to_array(tensor).tobytes())
    return digest.hexdigest()


def origin(model: ModelProto) -> str | None:
    """The fingerprint of the model this one was exported from, where the file tells."""
    return next((each.value for each in model.metadata_props if each.key == ORIGIN), None)


def line(error: BaseException) -> str:
    """The first line of an error, without onnxruntime's code and C++ place in front."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    if text.startswith("[ONNXRuntimeError]"):
        text = text.rpartition(" : ")[2] or text
    return PLACE.sub("", text)[:300]
