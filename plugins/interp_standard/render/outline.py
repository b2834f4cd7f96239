"""The image with a line around where a target's score belongs."""

import numpy as np

from interp.evidence import Evidence, Outline
from interp.method import Renderer, Style
from interp.result.draw import draw_outline
from interp_standard.render.colour import to_pixels
from interp_standard.render.page import of_kind, page
from interp_standard.render.panel import backdrop, panel_size


class OutlineRenderer(Renderer):
    """The image itself, outlined."""

    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        evidence = of_kind(evidence, Outline)
        x0, y0, x1, y1 = (round(float(each)) for each in evidence.box)
        shape = (max(1, y1), max(1, x1), 3) if image is None else image.shape
        ground = np.full(shape, 255, np.uint8) if image is None else image
        drawn = draw_outline(ground, evidence)
        picture = to_pixels(backdrop(drawn, panel_size(shape, style.width), empty=255))
        return page(evidence, picture, [f"from {x0},{y0} to {x1},{y1}"])
