"""What was made: this visitor's results and the kept ones, each a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from interp.errors import InputError
from interp.storage.folder import MANIFEST, read_json, slug
from interp_dashboard.session import session, setting
from interp_dashboard.setting import RECIPE

RESULTS = ("explanation", "comparison", "evaluation")
LEARNED = "knowledge"


def history(*kinds: str) -> dict[str, Path]:
    """This visitor's folders of these kinds and the kept ones, newest first, by name."""
    own = [*_folders(session().runs(), kinds), *_folders(learned_here(), kinds)]
    kept = _folders(setting().runs, kinds)
    listed = [(f"{each.name} (yours)", each) for each in own] + [(each.name, each) for each in kept]
    listed.sort(key=lambda pair: (pair[1] / MANIFEST).stat().st_mtime, reverse=True)
    return dict(listed)


def learned(method: str) -> dict[str, Path]:
    """What a method learned, newest first, by name."""
    return {
        name: each
        for name, each in history(LEARNED).items()
        if read_json(each / MANIFEST).get("method") == method
    }


def taught(folder: Path) -> str | None:
    """The method that trained the model in this folder; None where it is none."""
    if not (folder / RECIPE).is_file() or kind_of(folder) != LEARNED:
        return None
    return str(read_json(folder / MANIFEST).get("method"))


def learned_here() -> Path:
    """Where what this visitor's own models teach is put, until they leave."""
    return session().folder / "learned"


def kind_of(folder: Path) -> Any:
    """What a folder says it is; None where it says nothing."""
    try:
        return read_json(folder / MANIFEST).get("kind")
    except (InputError, AttributeError):
        return None


def folder_name(words: str, *asked: str) -> str:
    """A name for what is asked: the same whenever the same is asked again."""
    digest = hashlib.sha256("\n".join(asked).encode()).hexdigest()
    return f"{slug(words)[:60]}-{digest[:10]}"


def pixels_of(images: dict[str, np.ndarray]) -> str:
    """What tells images by name, (H, W, 3) uint8, from others."""
    return hashlib.sha256(b"".join(each.tobytes() for each in images.values())).hexdigest()


def _folders(place: Path, kinds: tuple[str, ...]) -> Iterator[Path]:
    """Whole results in a folder; links are not followed."""
    if not place.is_dir():
        return
    for each in place.iterdir():
        if not each.is_symlink() and kind_of(each) in kinds:
            yield each
