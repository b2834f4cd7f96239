"""A heat map over its image, with the scale, the fit and the standard error."""

import numpy as np

from interp.evidence import Evidence, Heatmap
from interp.method import Renderer, Style
from interp_standard.render.canvas import column
from interp_standard.render.colour import to_pixels
from interp_standard.render.page import NARROWEST, of_kind, page
from interp_standard.render.panel import panel_size, resize, tinted
from interp_standard.render.scale import Scale, number


class HeatmapRenderer(Renderer):
    """Colours over the muted image, the stronger the less transparent."""

    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        evidence = of_kind(evidence, Heatmap)
        scale = Scale.of(evidence.values, style, evidence.signed, evidence.unit)
        size = panel_size((evidence.values if image is None else image).shape, style.width)
        share = resize(scale.share(evidence.values), size)
        picture = to_pixels(tinted(image, share, scale, style))
        body = column([picture, scale.bar(max(size[1], NARROWEST))], align="center")
        return page(evidence, body, [*scale.notes(), *_error(evidence)])


def _error(evidence: Heatmap) -> list[str]:
    if evidence.standard_error is None:
        return []
    return [f"standard error ±{number(float(np.median(evidence.standard_error)))} (median)"]
