"""A map alone over its image: for pages that put words and legend beside it."""

import numpy as np

from interp.evidence import Evidence, Tile
from interp.method import Renderer, Style
from interp_standard.render.colour import to_pixels
from interp_standard.render.page import of_kind
from interp_standard.render.panel import panel_size, resize, tinted
from interp_standard.render.scale import Scale


class TileRenderer(Renderer):
    """The colours of a heat map without anything around them; without an image, the colours."""

    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        evidence = of_kind(evidence, Tile)
        scale = Scale(1.0, 1.0, evidence.signed, style.threshold)
        size = panel_size((evidence.values if image is None else image).shape, style.width)
        share = resize(evidence.values, size)
        if image is None:
            return to_pixels(scale.paint(share))
        # Side by side, the image's own colours would be taken for the map's.
        return to_pixels(tinted(image, share, scale, style, colour=0.0, light=0.35))
