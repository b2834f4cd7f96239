"""Small pictures of saved results."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from interp.errors import InputError
from interp.storage.image import open_image
from interp_dashboard.cache import LruCache

SIDE = 96
"""Pixels of a thumbnail's longer side."""
THUMBNAILS = LruCache(500)


def thumbnail(folder: Path) -> str | None:
    """A picture of a result as a data URI: its first map, else its image; None without any."""
    from PIL import Image

    path = _picture(folder)
    if path is None:
        return None

    def make() -> str | None:
        try:
            picture = Image.fromarray(open_image(path))
        except (InputError, OSError):
            return None
        picture.thumbnail((SIDE, SIDE))
        held = io.BytesIO()
        picture.save(held, "JPEG", quality=80)
        return f"data:image/jpeg;base64,{base64.b64encode(held.getvalue()).decode('ascii')}"

    found: str | None = THUMBNAILS.get((path, path.stat().st_mtime_ns), make)
    return found


def _picture(folder: Path) -> Path | None:
    """The first drawing of the first method in a result, else the first picture."""
    own = sorted(folder.glob("*.png"))
    inner = [] if own else sorted(folder.glob("[0-9]*/*/*.png")) or sorted(folder.glob("*/*.png"))
    pictures = [each for each in own or inner if each.is_file() and not each.is_symlink()]
    drawn = [each for each in pictures if not each.name.startswith("image")]
    return next(iter(drawn or pictures), None)
