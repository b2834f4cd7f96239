"""Pictures embedded in a page as data URIs, each with a text alternative."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np

from interp.evidence import Evidence, Tile
from interp.method import Style
from interp.registry import Registry
from interp.result.draw import draw_evidence, photo

WIDTH, THUMB = 480, 200
"""Pixels of a map and of a gallery's map; maps are drawn larger than shown, for fine screens."""

QUALITY = 80
"""Of WebP: text and the grey below a map stay clear."""


@dataclass(frozen=True)
class Picture:
    """What an <img> element needs."""

    uri: str
    alt: str
    width: int
    height: int


def picture(pixels: np.ndarray, alt: str) -> Picture:
    """(h, w, 3) uint8 RGB as a WebP in a data URI, a tenth as large as a PNG."""
    from PIL import Image

    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "WEBP", quality=QUALITY, method=4)
    uri = f"data:image/webp;base64,{base64.b64encode(held.getvalue()).decode('ascii')}"
    return Picture(uri, alt, pixels.shape[1], pixels.shape[0])


@dataclass(frozen=True)
class Painter:
    """Draws pictures for a page with the registered renderers."""

    registry: Registry
    width: int = WIDTH

    def tile(self, tile: Tile, image: np.ndarray | None, alt: str) -> Picture:
        """A map over the image and without text."""
        return self.evidence(tile, image, alt, Style(width=self.width))

    def photo(self, image: np.ndarray, alt: str, width: int | None = None) -> Picture:
        """The image (H, W, 3) uint8 itself, no wider than the maps, or than `width`."""
        return picture(photo(image, min(width or self.width, image.shape[1])), alt)

    def evidence(
        self, evidence: Evidence, image: np.ndarray | None, alt: str, style: Style | None = None
    ) -> Picture:
        """A piece of evidence as its own renderer draws it."""
        return picture(draw_evidence(self.registry, evidence, image, style), alt)
