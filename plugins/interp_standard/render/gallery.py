"""Pictures with their captions in a grid."""

import numpy as np

from interp.evidence import Evidence, Gallery
from interp.method import Renderer, Style
from interp_standard.render.canvas import SMALL, SOFT, column, text, tile_width, tiles
from interp_standard.render.colour import to_pixels
from interp_standard.render.page import of_kind, page
from interp_standard.render.panel import panel_size, resize

SMALLEST = 100


class GalleryRenderer(Renderer):
    """Every picture at one width, two or three to a row."""

    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        evidence = of_kind(evidence, Gallery)
        width = max(SMALLEST, tile_width(len(evidence.captions), style.width))
        drawn = [
            _tile(picture, caption, width)
            for picture, caption in zip(evidence.pictures, evidence.captions, strict=True)
        ]
        if not drawn:
            return page(evidence, text("no pictures", width, ink=SOFT))
        return page(evidence, tiles(drawn, max(style.width, width)))


def _tile(picture: np.ndarray, caption: str, width: int) -> np.ndarray:
    shown = to_pixels(resize(picture, panel_size(picture.shape, width)))
    return column([shown, text(caption, width, SMALL, align="center")], 3, align="center")
