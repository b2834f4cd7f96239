"""Saved results: this visitor's own and the shared ones, each a folder."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from interp.errors import InputError
from interp.storage.folder import MANIFEST, read_json, slug
from interp_dashboard.session import session, setting
from interp_dashboard.setting import RECIPE
from interp_dashboard.text import readable

RESULTS = ("explanation", "comparison", "evaluation")
LEARNED = "knowledge"


def history(*kinds: str) -> dict[str, Path]:
    """The visitor's own and the shared folders of these kinds, newest first, by name."""
    own = [*_folders(session().runs(), kinds), *_folders(session().learned(), kinds)]
    found = {f"{readable(each.name)} (yours)": each for each in own}
    found |= {readable(each.name): each for each in _folders(setting().runs, kinds)}
    newest = sorted(found, key=lambda name: _written(found[name]), reverse=True)
    return {name: found[name] for name in newest}


def learned(method: str) -> dict[str, Path]:
    """Folders of what a method learned, newest first, by name."""
    return {
        name: each
        for name, each in history(LEARNED).items()
        if read_json(each / MANIFEST).get("method") == method
    }


def training_method(folder: Path) -> str | None:
    """The method that trained the model in this folder; None where there is no such model."""
    if not (folder / RECIPE).is_file() or kind_of(folder) != LEARNED:
        return None
    return str(read_json(folder / MANIFEST).get("method"))


def kind_of(folder: Path) -> Any:
    """The kind of a result by its manifest; None where there is no manifest."""
    try:
        return read_json(folder / MANIFEST).get("kind")
    except (InputError, AttributeError):
        return None


def folder_name(words: str, *settings: str) -> str:
    """A folder's name from words and a digest of all settings; the same for the same settings."""
    digest = hashlib.sha256("\n".join(settings).encode()).hexdigest()
    return f"{slug(words)[:60]}-{digest[:10]}"


def pixels_of(images: dict[str, np.ndarray]) -> str:
    """A digest of images (H, W, 3) uint8, given by name."""
    return hashlib.sha256(b"".join(each.tobytes() for each in images.values())).hexdigest()


def _written(folder: Path) -> float:
    """When a result was written; 0 where it was removed meanwhile."""
    try:
        return (folder / MANIFEST).stat().st_mtime
    except OSError:
        return 0.0


def _folders(place: Path, kinds: tuple[str, ...]) -> list[Path]:
    """Whole results in a folder; links are not followed."""
    found = place.iterdir() if place.is_dir() else ()
    return [each for each in found if not each.is_symlink() and kind_of(each) in kinds]
