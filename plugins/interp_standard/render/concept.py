"""Concepts: one small overlay per concept, with its name and importance, strongest first."""

import numpy as np

from interp.evidence import Concepts, Evidence
from interp.method import Renderer, Style
from interp.result.peak import peak
from interp_standard.render.canvas import SMALL, blank, column, text, tile_width, tiles
from interp_standard.render.page import NARROWEST, of_kind, page
from interp_standard.render.panel import RING, over_image, panel_size, resize
from interp_standard.render.scale import Scale, number

SHOWN = 24
SMALLEST = 100


class ConceptsRenderer(Renderer):
    """Small multiples, each concept's map on a scale of its own unless the style gives one."""

    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        evidence = of_kind(evidence, Concepts)
        order = np.argsort(-np.abs(evidence.importance), kind="stable")[:SHOWN]
        width = max(SMALLEST, tile_width(len(order), style.width))
        drawn = [_tile(evidence, int(each), image, style, width) for each in order]
        body = tiles(drawn, max(style.width, width)) if drawn else blank(1, width)
        limit = style.scale or 1.0
        legend = Scale(limit, limit, evidence.signed, style.threshold)
        notes = [f"numbers: {evidence.unit}", RING]
        if evidence.standard_error is not None:
            notes[0] += ", ± one standard error"
        if not style.scale:
            notes.append("colours: shares of each concept's own largest value")
        if len(evidence.names) > SHOWN:
            notes.append(f"the strongest {SHOWN} of {len(evidence.names)} concepts")
        return page(evidence, column([body, legend.bar(max(style.width, NARROWEST))]), notes)


def _tile(
    evidence: Concepts, index: int, image: np.ndarray | None, style: Style, width: int
) -> np.ndarray:
    values = evidence.maps[index]
    size = panel_size((values if image is None else image).shape, width)
    scale = Scale.of(values, style, evidence.signed)
    share = resize(scale.share(values), size)
    caption = text(f"{evidence.names[index]}: {_amount(evidence, index)}", width, SMALL)
    return column([caption, over_image(image, share, scale, style, peak(values))], 3)


def _amount(evidence: Concepts, index: int) -> str:
    """The importance of a concept in words, with its standard error where that is known."""
    words = number(float(evidence.importance[index]))
    if evidence.standard_error is None:
        return words
    return f"{words} ± {number(float(evidence.standard_error[index]), 2)}"
