"""A broken package says in one line what is wrong; methods beside it give the same maps."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from tests.broken.packages import PACKAGES, BrokenPackage

from interp.cli import main
from interp.comparison.compare import compare
from interp.comparison.result import Comparison, ComparisonRequest
from interp.context import Budget
from interp.errors import InterpError
from interp.registry import Registry
from interp.registry.registry import builtin
from interp.request import Choice, Request
from interp.run import run
from interp.session import Session
from interp.testing import ToyModel

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
GOOD = ("gradcam", "saliency")

Installed = tuple[BrokenPackage, str, Registry]


@pytest.fixture(params=PACKAGES)
def installed(request, package: Callable[..., str]) -> Installed:
    """A broken package as an installer leaves it: what is wrong, its name, and the registry."""
    broken = PACKAGES[request.param]
    name = package(broken.code, broken.registry, installed=True)
    return broken, name, Registry.load()


def expected(broken: BrokenPackage, name: str, folder: Path) -> str:
    """The line that is to be printed."""
    file = str(folder / name / "registry.yaml")
    words = {"FILE": file, "NAME": name, "BUILTIN": str(builtin()), "VERSION": version("interp")}
    line = broken.line
    for key, value in words.items():
        line = line.replace(key, value)
    return line


def compared(registry: Registry, *methods: str) -> Comparison:
    request = ComparisonRequest(
        methods=tuple(Choice(name=each) for each in methods), budget=Budget(samples=200)
    )
    return compare(request, Session(registry, ToyModel()), images=[IMAGE])


def test_the_line_says_what_is_wrong(installed: Installed, tmp_path: Path) -> None:
    broken, name, registry = installed
    request, session = Request(method="broken"), Session(registry, ToyModel())
    if not broken.line:
        notes = run(request, session, images=[IMAGE]).explanation.notes
        alone = broken.note.replace("put back", "not put back: open the model again")
        assert list(notes) == ([alone] if alone else [])
        return
    with pytest.raises(InterpError) as caught:
        run(request, session, images=[IMAGE])
    assert str(caught.value) == expected(broken, name, tmp_path)


def test_the_command_prints_the_line(installed: Installed, tmp_path: Path, capsys) -> None:
    broken, name, _ = installed
    code = main(["run", "--plugin", "broken", "--out", str(tmp_path / "out"), "--json"])
    out, err = capsys.readouterr()
    if broken.line and "40 x 50" not in broken.line:
        shown = expected(broken, name, tmp_path)
        assert code in (1, 2) and out == ""
        cut = len(shown) > 390
        assert err == f"error: {shown}\n" or (cut and " ... " in err and err[7:100] == shown[:93])
    elif not broken.line:
        assert code == 0 and json.loads(out)["method"] == "broken"
        assert ("{" in err) == ("print" in broken.code)


def test_good_methods_beside_it_give_the_same_maps(installed: Installed, tmp_path: Path) -> None:
    broken, name, registry = installed
    alone = compared(registry, *GOOD)
    if broken.unlisted:  # refused before any work; without its name, everything goes on
        with pytest.raises(InterpError, match="which is broken"):
            compared(registry, "gradcam", "broken", "saliency")
        assert [each.error for each in alone.cases[0].cells] == [None, None]
        return
    beside = compared(registry, "gradcam", "broken", "saliency").cases[0].cells
    for one, other in zip((beside[0], beside[2]), alone.cases[0].cells, strict=True):
        assert one.error is None and one.explanation is not None and other.explanation is not None
        np.testing.assert_array_equal(one.explanation.map(), other.explanation.map())
    assert beside[1].error == (expected(broken, name, tmp_path) or None)
    if broken.note:
        assert broken.note in beside[1].explanation.notes
