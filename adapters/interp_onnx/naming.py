"""Layers of a graph: which tensor is which layer's output, by the names the exporter wrote."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass

from onnx import NodeProto

from interp_onnx.graph import Graph, inputs

SCOPES, CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"
RENUMBERED = "onnx::"
"""Prefix that PyTorch's older exporter gives weights it changed, as by folding a batch norm."""


@dataclass(frozen=True)
class Place:
    """The tensor that is a layer's output, and the layer's kind."""

    tensor: str
    kind: str


def find_places(graph: Graph) -> dict[str, Place]:
    """Modules where the exporter names them, else nodes; in the order of execution."""
    return _modules(graph) or _nodes(graph)


def merged_into(graph: Graph, name: str, places: dict[str, Place]) -> str | None:
    """The first layer that the exporter merged the module called `name` into."""
    weights = [each for each in graph.weights if each.rpartition(".")[0] == name]
    nodes = [node for each in weights for node in graph.readers.get(each, [])]
    nodes += [node for node in _image_nodes(graph) if _slash_paths(node)[-1:] == [name]]
    after = graph.after({out for node in nodes for out in node.output})
    return next((layer for layer, place in places.items() if place.tensor in after), None)


def module_of(node: NodeProto) -> str:
    """Path of the innermost module that a node belongs to; else its own name, or its tensor's."""
    paths = [path for path, _ in _scopes(node)]
    return paths[-1] if paths else node.name or node.output[0]


def _modules(graph: Graph) -> dict[str, Place]:
    """The one tensor of each module that others use; modules with several are left out.

    Where two modules compute the same, an exporter computes it once, within the first. So of
    several tensors that others use, the last is the module's output if it depends on the others.
    """
    inside: dict[str, dict[str, str]] = {}
    order = {}
    for index, node in enumerate(_image_nodes(graph)):
        order[node.output[0]] = index
        for path, kind in _scopes(node):
            inside.setdefault(path, {})[node.output[0]] = kind
    places = {}
    for path, made in inside.items():
        *shared, last = [tensor for tensor in made if _leaves(graph, tensor, made)] or [""]
        if last and all(last in graph.after({each}) for each in shared):
            places[path] = Place(last, made[last])
    ranks = sorted(places, key=lambda path: (order[places[path].tensor], -path.count(".")))
    return {path: places[path] for path in ranks}


def _leaves(graph: Graph, tensor: str, own: dict[str, str]) -> bool:
    """Whether something outside reads the tensor."""
    readers = graph.readers.get(tensor, [])
    return tensor == graph.output or any(node.output[0] not in own for node in readers)


def _nodes(graph: Graph) -> dict[str, Place]:
    """Every node by its name, or by its tensor where the name is missing or not its own."""
    nodes = _image_nodes(graph)
    count = Counter(node.name for node in nodes)
    return {
        node.name if node.name and count[node.name] == 1 else node.output[0]: Place(
            node.output[0], node.op_type
        )
        for node in nodes
    }


def _image_nodes(graph: Graph) -> list[NodeProto]:
    """Nodes that depend on the image, by their first output."""
    return [node for node in graph.nodes if node.output and node.output[0] in graph.alive]


def _scopes(node: NodeProto) -> list[tuple[str, str]]:
    """Path and class of the modules a node belongs to, outermost first."""
    metadata = {each.key: each.value for each in node.metadata_props}
    if SCOPES in metadata:
        paths = _literal(metadata[SCOPES])[:-1]
        kinds = _literal(metadata.get(CLASSES, "[]"))[:-1]
        kinds = kinds if len(kinds) == len(paths) else [node.op_type] * len(paths)
        pairs = zip(paths, kinds, strict=True)
        return [(path, kind.rpartition(".")[2]) for path, kind in pairs if path and "@" not in path]
    paths = _slash_paths(node)
    # with a normalisation folded in, the tensor is not the convolution's own
    folded_in = node.op_type == "Conv" and any(each.startswith(RENUMBERED) for each in inputs(node))
    return [(path, node.op_type) for path in (paths[:-1] if folded_in else paths)]


def _slash_paths(node: NodeProto) -> list[str]:
    """Module paths in `/layer1/layer1.0/conv1/Conv`, the older exporter's node name."""
    if not node.name.startswith("/"):
        return []
    paths: list[str] = []
    before = None
    for part in node.name.split("/")[1:-1]:
        local = part.removeprefix(f"{before}.") if before else part
        paths.append(f"{paths[-1]}.{local}" if paths else local)
        before = part
    return paths


def _literal(text: str) -> list[str]:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return []
    return [str(each) for each in value] if isinstance(value, (list, tuple)) else []
