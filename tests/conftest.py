"""Packages made for one test, and registry files that name them."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

numbers = itertools.count()


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
