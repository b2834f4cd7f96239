"""The settings that the dashboard is started with: folders to offer, registry files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import Field

from interp.opening.reader import is_data_file, reader_entries
from interp.opening.source import file_forms, is_model_file
from interp.registry import Registry
from interp.spec import Plain
from interp.storage.folder import MANIFEST
from interp.storage.image import SUFFIXES
from interp_dashboard.listing import listing, paths_below
from interp_dashboard.text import readable

ENVIRONMENT = "INTERP_DASHBOARD"
"""The environment variable that passes the settings from the command to the application."""
RECIPE = "model.json"
"""The file that marks a folder as a model trained by a method."""


class Setting(Plain):
    """Folders to offer; nothing outside them can be opened by name."""

    models: Path | None = Field(None, description="folder of models")
    sources: tuple[str, ...] = Field((), description="models by name, offered beside the folder's")
    images: Path | None = Field(None, description="folder of images")
    runs: Path = Field(Path("interp-runs"), description="folder of shared runs")
    registry: tuple[Path, ...] = ()
    workers: int = Field(0, ge=0, description="runs at a time, each in a process; 0: in the server")

    def model_files(self, registered: Registry) -> dict[str, Path]:
        """Model files and folders by their path in the folder, and models kept among the runs.

        They are those that a registered adapter opens.
        """
        forms = file_forms(registered)
        key = "models", self.models, registered
        given = listing(key, lambda: _named(self.models, lambda each: is_model_file(each, forms)))
        kept = sorted(self.runs.iterdir()) if self.runs.is_dir() else []
        return given | {
            f"kept: {readable(each.name)}": each
            for each in kept
            if _is_model(each) and (each / MANIFEST).is_file() and not each.is_symlink()
        }

    def image_files(self) -> dict[str, Path]:
        """Image files by their path in the folder."""
        return listing(("images", self.images), lambda: _named(self.images, _is_image))

    def data_sets(self, registered: Registry) -> dict[str, Path]:
        """The folder of images, the folders in it, and files that a registered reader opens.

        Images, and files of models and results, are none of these, though a reader may open them.
        """
        if self.images is None:
            return {}
        readers = reader_entries(registered)

        def usable(path: Path) -> bool:
            if path.is_dir():
                return True
            if _is_image(path):
                return False
            other = any((path.parent / each).is_file() for each in (RECIPE, MANIFEST))
            return not other and is_data_file(path, readers)

        below = listing(("data", self.images, registered), lambda: _named(self.images, usable))
        return {self.images.name: self.images, **below}


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def _is_model(path: Path) -> bool:
    return (path / RECIPE).is_file()


def _named(folder: Path | None, wanted: Callable[[Path], bool]) -> dict[str, Path]:
    """What lies below a folder, by its path in it; links that lead out of it are left out."""
    if folder is None:
        return {}
    return {
        readable(each.relative_to(folder)): each for each in paths_below(folder) if wanted(each)
    }
