"""Views of layers and heads: one small picture each, in a gallery."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from interp.context import Context
from interp.errors import InputError, nearest
from interp.evidence import Gallery, Tile
from interp.method import Style

WIDTH = 180
"""Width of a picture in pixels."""


def layer_index(names: Sequence[str], wanted: str | None) -> int:
    """Which attention layer is meant, by default the last. InputError offers the nearest names."""
    if wanted is None:
        return len(names) - 1
    if wanted not in names:
        raise InputError(f"no attention layer is called {wanted!r}; {nearest(wanted, names)}")
    return list(names).index(wanted)


def gallery(
    title: str,
    target: str,
    captions: list[str],
    maps: Sequence[np.ndarray],
    image: np.ndarray,
    context: Context,
) -> Gallery:
    """Maps (H, W) over the image (H, W, 3), each on a scale of its own, with captions."""
    renderer, style = context.lookup("renderer", "tile")(), Style(width=WIDTH)
    pictures = [
        renderer.render(Tile(name=caption, values=_share(each), signed=False), image, style)
        for caption, each in zip(captions, maps, strict=True)
    ]
    return Gallery(name=title, target=target, pictures=np.stack(pictures), captions=captions)


def _share(values: np.ndarray) -> np.ndarray:
    """Values in [0, 1] of the largest; zeros where nothing is above zero."""
    most = float(values.max())
    return np.clip(values / most, 0, 1) if most > 0 else np.zeros_like(values)
