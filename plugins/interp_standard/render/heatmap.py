"""Heat maps over their image: with scale and notes, or as a bare tile."""

import numpy as np

from interp.evidence import Evidence, Heatmap, Tile
from interp.method import Renderer, Style
from interp.result.peak import peak
from interp_standard.render.canvas import column
from interp_standard.render.colour import to_pixels
from interp_standard.render.page import NARROWEST, of_kind, page
from interp_standard.render.panel import RING, over_image, panel_size, resize
from interp_standard.render.scale import Scale, number


class HeatmapRenderer(Renderer):
    """Colours over the grey image, the stronger the less transparent."""

    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        evidence = of_kind(evidence, Heatmap)
        scale = Scale.of_map(evidence, evidence.values, style, evidence.signed)
        size = panel_size((evidence.values if image is None else image).shape, style.width)
        share = resize(scale.share(evidence.values), size)
        top = peak(evidence.values)
        picture = over_image(image, share, scale, style, top)
        body = column([picture, scale.bar(max(size[1], NARROWEST))], align="center")
        notes = [*scale.notes(), *([] if top is None else [RING])]
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
        return over_image(image, share, scale, style, evidence.peak)
