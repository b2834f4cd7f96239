"""Part maps: one small overlay per filter with its peak marked."""

import cv2
import numpy as np

from interp.evidence import Evidence, PartMaps
from interp.method import Renderer, Style
from interp_standard.render.canvas import GAP, SMALL, blank, column, flow, text
from interp_standard.render.colour import to_pixels
from interp_standard.render.page import NARROWEST, of_kind, page
from interp_standard.render.panel import panel_size, resize, tinted
from interp_standard.render.scale import Scale, number

SHOWN = 24
SMALLEST = 120


class PartMapsRenderer(Renderer):
    """Small multiples, each filter on a scale of its own unless the style gives one."""

    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        evidence = of_kind(evidence, PartMaps)
        tile = max(SMALLEST, style.width // 2)
        signed = bool((evidence.maps < 0).any())
        numbers = range(min(len(evidence.filters), SHOWN))
        tiles = [_tile(evidence, each, image, style, tile, signed) for each in numbers]
        body = flow(tiles, max(2 * style.width, tile), GAP) if tiles else blank(1, tile)
        limit = style.scale or 1.0
        legend = Scale(limit, limit, signed, style.threshold).bar(max(style.width, NARROWEST))
        notes = ["circle: the filter's peak"]
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
    picture = to_pixels(tinted(image, resize(scale.share(values), size), scale, style))
    zero = scale.largest <= 0
    if not zero:
        _mark(picture, (peak + 0.5) * np.array(size) / np.array(values.shape))
    words = "all zero" if zero else f"largest {number(scale.largest)}"
    return column([text(f"filter {evidence.filters[index]}, {words}", width, SMALL), picture], 3)


def _mark(picture: np.ndarray, peak: np.ndarray) -> None:
    """A white circle with a dark rim around (y, x), in place."""
    place = (int(peak[1]), int(peak[0]))
    for thickness, colour in ((4, (0, 0, 0)), (2, (255, 255, 255))):
        cv2.circle(picture, place, 7, colour, thickness, cv2.LINE_AA)
