"""The order of core's layers, and that no shelf has an import circle, however imports are read."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
SHELVES = ("core", "adapters", "plugins", "dashboards")

LAYERS = (
    ("errors", "log_setting", "short", "lazy_type", "plain_text", "version", "wording"),
    ("record",),
    ("params", "spec"),
    ("cluster", "evidence", "memory", "network", "storage", "target"),
    ("readout",),
    ("class_match", "context", "cut", "dataset", "explanation"),
    ("model", "progress_bar"),
    ("engine", "request"),
    ("guard", "knowledge", "metric", "training"),
    ("explanation_check", "method"),
    ("gallery", "registry"),
    ("opening", "result"),
    ("session",),
    ("run",),
    ("run_batch",),
    ("image_group",),
    ("comparison", "evaluation", "run_folder"),
    ("scaffold", "testing"),
    ("hookspecs", "report"),
    ("difference", "suggestion"),
    ("call",),
    ("api", "cli"),
    ("__main__", "__init__"),
)
"""Rooms and root modules of interp, from the ground up: each imports only what stands below it."""

READINGS = {
    "at import time": {"top"},
    "with TYPE_CHECKING": {"top", "typing"},
    "with imports inside functions": {"top", "deferred"},
    "all imports": {"top", "typing", "deferred"},
}


class Arrow(NamedTuple):
    """One import between two of the project's modules."""

    source: str
    target: str
    reading: str
    line: int


@cache
def modules() -> dict[str, Path]:
    """Every module of the shelves, by its dotted name; a package stands for its __init__."""
    found = {}
    for shelf in SHELVES:
        for file in sorted((ROOT / shelf).rglob("*.py")):
            if "template" in file.parts:  # a package of somebody else's, to be
                continue
            parts = file.relative_to(ROOT / shelf).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def arrows(source: str, text: str, known: set[str]) -> Iterator[Arrow]:
    """The imports of one module that lead to known ones."""
    pending: list[tuple[ast.AST, str]] = [(ast.parse(text), "top")]
    while pending:
        node, reading = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            reading = "deferred"
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            reading = "typing"
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            whole = [f"{node.module}.{each.name}" for each in node.names]
            names = [each if each in known else str(node.module) for each in whole]
        for name in names:
            if name in known and name != source:
                yield Arrow(source, name, reading, node.lineno)  # type: ignore[attr-defined]
        pending += [(each, reading) for each in ast.iter_child_nodes(node)]


@cache
def graph() -> tuple[Arrow, ...]:
    """Every import between modules of the project."""
    known = set(modules())
    return tuple(
        arrow
        for name, file in modules().items()
        for arrow in arrows(name, file.read_text("utf-8"), known)
    )


def circle(found: tuple[Arrow, ...], readings: set[str]) -> list[str]:
    """Modules that import one another in a circle; none where there is no circle."""
    edges: dict[str, set[str]] = defaultdict(set)
    for each in found:
        if each.reading in readings:
            edges[each.source].add(each.target)
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def room(module: str) -> str:
    """The room or root module of interp that a module belongs to."""
    return [*module.split("."), "__init__"][1]


def floor(module: str) -> int:
    """The layer's number, from the ground up."""
    return next(at for at, layer in enumerate(LAYERS) if room(module) in layer)


def upward(found: tuple[Arrow, ...]) -> list[str]:
    """Imports of core that lead to the same layer or to a higher one."""
    return [
        f"{each.source}:{each.line} imports {each.target}"
        for each in found
        if each.source.split(".")[0] == each.target.split(".")[0] == "interp"
        and room(each.source) != room(each.target)
        and floor(each.source) <= floor(each.target)
    ]


@pytest.mark.parametrize("reading", READINGS)
def test_no_import_circle(reading):
    assert circle(graph(), READINGS[reading]) == []


def test_core_keeps_the_order_of_its_layers():
    assert upward(graph()) == []


def test_every_room_of_core_has_a_layer():
    found = {room(each) for each in modules() if each.split(".")[0] == "interp"}
    assert found == {name for layer in LAYERS for name in layer}


@pytest.mark.parametrize(
    ("source", "text", "readings"),
    [
        ("interp.run", "import interp.api", ["at import time"]),
        ("interp.run", "if TYPE_CHECKING:\n    from interp.api import f", ["with TYPE_CHECKING"]),
        ("interp.run", "def f():\n    from interp import api", ["with imports inside functions"]),
    ],
)
def test_a_circle_is_seen_in_its_reading(source, text, readings):
    known = {"interp", "interp.run", "interp.api"}
    found = (*arrows(source, text, known), Arrow("interp.api", "interp.run", "top", 1))
    seen = [name for name in READINGS if circle(found, READINGS[name])]
    assert readings[0] in seen and seen[-1] == "all imports"


def test_an_arrow_upward_is_seen():
    found = tuple(arrows("interp.spec", "from interp.run import run", {"interp.run"}))
    assert upward(found) == ["interp.spec:1 imports interp.run"]
