"""Who may import whom, read from the source of every shelf."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
SHELVES = {
    shelf: [each.name for each in sorted((ROOT / shelf).glob("interp*")) if each.is_dir()]
    for shelf in ("core", "adapters", "plugins", "dashboards")
}
PACKAGES = [(shelf, package) for shelf, packages in SHELVES.items() for package in packages]
OURS = {package for _, package in PACKAGES}
FRAMEWORKS = {"onnxruntime", "streamlit", "captum", "quantus"}
LAZY = {"torch", "torchvision", "cv2", "skimage", "sklearn", "onnx", "scipy", "rich", "matplotlib"}


class Import(NamedTuple):
    """One import: what, where, and whether it runs when the module is imported."""

    module: str
    file: Path
    line: int
    at_once: bool


def imports(source: str, file: Path) -> Iterator[Import]:
    """Every import of a file; those for type checkers only are left out."""
    pending: list[tuple[ast.AST, bool]] = [(ast.parse(source), True)]
    while pending:
        node, at_once = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending += [(each, at_once) for each in node.orelse]
            continue
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = ["." if node.level else str(node.module)]
        for name in names:
            yield Import(name, file, node.lineno, at_once)  # type: ignore[attr-defined]
        inner = at_once and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        pending += [(each, inner) for each in ast.iter_child_nodes(node)]


def allowed(shelf: str, package: str, found: Import) -> bool:
    """Whether the rules let a package of a shelf import this."""
    top = found.module.partition(".")[0]
    if found.module == ".":
        return False
    if top in OURS:
        return top in {package, "interp"}
    if top == "onnxruntime":
        return package == "interp_onnx"
    if top == "streamlit":
        return shelf == "dashboards"
    if top == "captum":  # an extra: whoever wants a part of it asks for it where it is used
        return package == "interp_captum" or (shelf == "plugins" and not found.at_once)
    if shelf == "core":
        return top not in FRAMEWORKS and not (top in LAZY and found.at_once)
    return True


@pytest.mark.parametrize(("shelf", "package"), PACKAGES)
def test_package_keeps_the_rules(shelf, package):
    broken = [
        f"{found.file.relative_to(ROOT)}:{found.line} imports {found.module}"
        for file in sorted((ROOT / shelf / package).rglob("*.py"))
        if "template" not in file.parts  # a package of somebody else's, to be
        for found in imports(file.read_text("utf-8"), file)
        if not allowed(shelf, package, found)
    ]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(
    ("shelf", "package", "source", "fine"),
    [
        ("core", "interp", "import interp_mint", False),
        ("core", "interp", "def f():\n    from interp_torch.adapter import A", False),
        ("core", "interp", "import torch", False),
        ("core", "interp", "def f():\n    import torch", True),
        ("core", "interp", "if TYPE_CHECKING:\n    import torch", True),
        ("core", "interp", "class A:\n    import cv2", False),
        ("core", "interp", "import matplotlib", False),
        ("core", "interp", "def f():\n    from matplotlib.figure import Figure", True),
        ("core", "interp", "from .spec import Plain", False),
        ("plugins", "interp_mint", "from interp.engine.solve import lasso", True),
        ("plugins", "interp_mint", "from interp_mint.method import Mint", True),
        ("plugins", "interp_mint", "import interp_standard", False),
        ("plugins", "interp_mint", "def f():\n    import interp_torch.adapter", False),
        ("plugins", "interp_mint", "import streamlit", False),
        ("adapters", "interp_onnx", "import onnxruntime", True),
        ("adapters", "interp_torch", "import onnxruntime", False),
        ("dashboards", "interp_dashboard", "import streamlit", True),
    ],
)
def test_the_rules_themselves(monkeypatch, shelf, package, source, fine):
    monkeypatch.setattr(
        f"{__name__}.OURS", {"interp", "interp_mint", "interp_torch", "interp_standard", package}
    )
    found = imports(source, Path("x.py"))
    assert all(allowed(shelf, package, each) for each in found) == fine
