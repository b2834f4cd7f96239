"""Pictures as they stand in a page: pixels in the page itself, with words for who cannot see."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np

from interp.errors import blamed
from interp.evidence import Evidence, Tile
from interp.method import Style
from interp.registry import Registry

WIDTH, THUMB = 480, 200
"""Pixels of a map and of a gallery's map; maps are drawn larger than shown, for fine screens."""


@dataclass(frozen=True)
class Picture:
    """An image element."""

    uri: str
    alt: str
    width: int
    height: int


def picture(pixels: np.ndarray, alt: str) -> Picture:
    """(h, w, 3) uint8 RGB as an element that needs no file."""
    from PIL import Image

    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "PNG", compress_level=3)
    uri = f"data:image/png;base64,{base64.b64encode(held.getvalue()).decode('ascii')}"
    return Picture(uri, alt, pixels.shape[1], pixels.shape[0])


@dataclass(frozen=True)
class Painter:
    """Draws through whatever renderers are registered."""

    registry: Registry
    width: int = WIDTH

    def tile(
        self, share: np.ndarray, image: np.ndarray | None, alt: str, signed: bool = True
    ) -> Picture:
        """Shares of a scale (h, w) over the image, without words."""
        tile = Tile(name="tile", values=share.astype(np.float32), signed=signed)
        return self.evidence(tile, image, alt, Style(width=self.width))

    def photo(self, image: np.ndarray, alt: str) -> Picture:
        """The image (H, W, 3) uint8 itself, no larger than the maps."""
        import cv2

        width = min(self.width, image.shape[1])
        size = (width, max(1, round(image.shape[0] * width / image.shape[1])))
        return picture(np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA)), alt)

    def evidence(
        self, evidence: Evidence, image: np.ndarray | None, alt: str, style: Style | None = None
    ) -> Picture:
        """A piece of evidence as its own renderer draws it."""
        renderer = self.registry.renderer(evidence.kind)
        with blamed(f"renderer of {evidence.kind}"):
            return picture(renderer.render(evidence, image, style or Style()), alt)
