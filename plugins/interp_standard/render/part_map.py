"""Part maps: one small overlay per filter with its peak marked."""

import numpy as np

from interp.evidence import Evidence, PartMaps
from interp.method import Renderer, Style
from interp_standard.render.canvas import SMALL, blank, column, text, tile_width, tiles
from interp_standard.render.page import NARROWEST, of_kind, page
from interp_standard.render.panel import over_image, panel_size, resize
from interp_standard.render.scale import Scale, number

SHOWN = 24
SMALLEST = 100


class PartMapsRenderer(Renderer):
    """Small multiples, each filter on a scale of its own unless the style gives one."""

    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        evidence = of_kind(evidence, PartMaps)
        signed = bool((evidence.maps < 0).any())
        numbers = range(min(len(evidence.filters), SHOWN))
        tile = max(SMALLEST, tile_width(len(numbers), style.width))
        drawn = [_tile(evidence, each, image, style, tile, signed) for each in numbers]
        body = tiles(drawn, max(style.width, tile)) if drawn else blank(1, tile)
        limit = style.scale or 1.0
        legend = Scale(limit, limit, signed, style.threshold).bar(max(style.width, NARROWEST))
        notes = ["ring: the filter's peak"]
        if not style.scale:
            notes.append("colours: shares of each filter's own largest response")
        if len(evidence.filters) > SHOWN:
            notes.append(f"the first {SHOWN} of {len(evidence.filters)} filters")
        return page(evidence, column([body, legend]), notes)


def _tile(
    evidence: PartMaps,
    index: int,
    image: np.ndarray | None,
    style: Style,
    width: int,
    signed: bool,
) -> np.ndarray:
    values, peak = evidence.maps[index], evidence.peaks[index]
    size = panel_size((values if image is None else image).shape, width)
    scale = Scale.of(values, style, signed)
    zero = scale.largest <= 0
    down, across = (peak + 0.5) / np.array(values.shape)
    share = resize(scale.share(values), size)
    picture = over_image(image, share, scale, style, None if zero else (down, across))
    words = "all zero" if zero else f"largest {number(scale.largest)}"
    return column([text(f"filter {evidence.filters[index]}, {words}", width, SMALL), picture], 3)
