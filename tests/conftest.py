"""The built-in registry, runs through the one road, and packages made for one test."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import numpy as np

    from interp.explanation import Explanation
    from interp.model import ModelAdapter
    from interp.registry import Registry

numbers = itertools.count()
os.environ["INTERP_CACHE"] = ""  # no test finds what another one, or the user, has kept
os.environ.pop("COLUMNS", None)  # tests in several processes are given one


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The built-in registry."""
    from interp.registry import Registry

    return Registry.load()


@pytest.fixture(scope="session")
def explain(registry: Registry) -> Callable[..., Explanation]:
    """explain(method, model, image, *targets, **params), through the one road."""
    from interp.request import Request
    from interp.run import run
    from interp.session import Session

    def explained(
        method: str, model: ModelAdapter, image: np.ndarray, *targets: str, **params: object
    ) -> Explanation:
        request = Request(method=method, targets=targets or ("0",), params=params)
        return run(request, Session(registry, model), images=[image]).explanation

    return explained


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Write an importable package with this code and registry, `NAME` standing for its name."""
    made = []

    def write(code: str, registry: str | None = None, installed: bool = False) -> str:
        name = f"planted_{next(numbers)}"
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text(dedent(code).replace("NAME", name))
        if registry is not None:
            (folder / "registry.yaml").write_text(dedent(registry).replace("NAME", name))
        if installed:
            info = tmp_path / f"{name}-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            (info / "entry_points.txt").write_text(f"[interp]\n{name} = {name}\n")
        made.append(name)
        return name

    monkeypatch.syspath_prepend(tmp_path)
    yield write
    for name in made:
        sys.modules.pop(name, None)


@pytest.fixture
def registry_file(tmp_path: Path) -> Callable[[str], Path]:
    """Write a registry file of this content."""

    def write(text: str) -> Path:
        path = tmp_path / f"registry-{next(numbers)}.yaml"
        path.write_text(dedent(text))
        return path

    return write
