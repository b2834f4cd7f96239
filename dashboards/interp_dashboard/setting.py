"""What the dashboard was started with: folders to choose from, where to keep, registry files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import Field

from interp.spec import Plain
from interp.storage.folder import MANIFEST
from interp.storage.image import SUFFIXES

ENVIRONMENT = "INTERP_DASHBOARD"
"""The variable through which the command hands it to the application."""
MODELS = (".onnx", ".pt2")
RECIPE = "model.json"
"""What marks a folder as a model that a method trained."""


class Setting(Plain):
    """Only what lies in these folders can be opened by its name."""

    models: Path | None = Field(None, description="folder of models")
    images: Path | None = Field(None, description="folder of images")
    runs: Path = Field(Path("interp-runs"), description="where results are kept")
    registry: tuple[Path, ...] = ()

    @classmethod
    def read(cls) -> Setting:
        """From the environment; the defaults where nothing was said."""
        return cls.model_validate_json(os.environ.get(ENVIRONMENT, "{}"))

    def model_files(self) -> dict[str, Path]:
        """Model files and folders by their names within the folder, and trained ones kept."""
        given = _named(self.models, lambda each: each.suffix in MODELS or _is_model(each))
        return given | {f"kept: {each.name}": each for each in self._kept_models()}

    def _kept_models(self) -> list[Path]:
        if not self.runs.is_dir():
            return []
        return [
            each
            for each in sorted(self.runs.iterdir())
            if _is_model(each) and (each / MANIFEST).is_file() and not each.is_symlink()
        ]

    def image_files(self) -> dict[str, Path]:
        """Image files by their names within the folder."""
        return _named(self.images, lambda each: each.suffix.lower() in SUFFIXES)

    def image_folders(self) -> dict[str, Path]:
        """The folder of images itself and the folders in it, for evaluation."""
        if self.images is None:
            return {}
        inner = _named(self.images, lambda each: each.is_dir())
        return {self.images.name: self.images, **inner}


def _is_model(path: Path) -> bool:
    return (path / RECIPE).is_file()


def _named(folder: Path | None, wanted: Callable[[Path], bool]) -> dict[str, Path]:
    if folder is None:
        return {}
    root = folder.resolve()
    return {str(each.relative_to(folder)): each for each in _inside(folder, root) if wanted(each)}


def _inside(folder: Path, root: Path) -> Iterator[Path]:
    """What lies below a folder; links that lead out of it are left out."""
    for each in sorted(folder.rglob("*")):
        if each.resolve().is_relative_to(root):
            yield each
