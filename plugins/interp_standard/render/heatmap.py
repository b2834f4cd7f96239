"""Heat maps over their image: with scale and notes, or as a bare tile."""

import numpy as np

from interp.evidence import Evidence, Heatmap, Tile
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
        notes = scale.notes()
        if evidence.standard_error is not None:
            median = number(float(np.median(evidence.standard_error)))
            notes.append(f"standard error ±{median} (median)")
        return page(evidence, body, notes)


class TileRenderer(Renderer):
    """The colours of a heat map without anything around them; without an image, the colours."""

    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        evidence = of_kind(evidence, Tile)
        scale = Scale(1.0, 1.0, evidence.signed, style.threshold)
        size = panel_size((evidence.values if image is None else image).shape, style.width)
        share = resize(evidence.values, size)
        if image is None:
            return to_pixels(scale.paint(share))
        # side by side, the image's own colours would be taken for the map's
        return to_pixels(tinted(image, share, scale, style, colour=0.0, light=0.35))
