"""Pathways: the filters of each layer as small cells, on or off."""

from math import ceil

import numpy as np

from interp.evidence import Evidence, Pathway
from interp.method import Renderer, Style
from interp_standard.render import canvas
from interp_standard.render.colour import diverging, to_pixels
from interp_standard.render.page import of_kind, page

ON = np.array([20, 92, 158], np.float32)
OFF = np.array([222, 222, 222], np.float32)
CELL = 6
TALLEST = 40
WIDEST = 120
"""Pixels of a layer's name before it is broken."""


class PathwayRenderer(Renderer):
    """One column per layer, in order, filters left to right and top to bottom."""

    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        evidence = of_kind(evidence, Pathway)
        ends = np.cumsum(list(evidence.layers.values()), dtype=int)
        parts = np.split(evidence.states, ends[:-1])
        across = max(8, ceil(max(evidence.layers.values(), default=0) / TALLEST))
        columns = [
            _layer(name, states, across, evidence.signed)
            for name, states in zip(evidence.layers, parts, strict=False)
        ]
        widest = max([style.width, *(each.shape[1] for each in columns)])
        body = canvas.flow(columns, widest, 2 * canvas.GAP) if columns else canvas.blank(1, 1)
        note = f"{_count(evidence.states, evidence.signed)}; one cell is one filter"
        return page(evidence, canvas.column([body, _legend(evidence)]), [note])


def _layer(name: str, states: np.ndarray, across: int, signed: bool) -> np.ndarray:
    rows = ceil(len(states) / across)
    cells = np.full((rows * across, 3), 255, np.float32)
    cells[: len(states)] = _painted(states, signed)
    grid = cells.reshape(rows, across, 3).repeat(CELL, 0).repeat(CELL, 1)
    grid[CELL - 1 :: CELL] = grid[:, CELL - 1 :: CELL] = 255
    width = max(across * CELL, min(WIDEST, canvas.text_width(name, canvas.SMALL)))
    count = canvas.text(_count(states, signed, brief=True), width, canvas.SMALL, canvas.SOFT)
    return canvas.column(
        [canvas.text(name, width, canvas.SMALL, canvas.INK), count, to_pixels(grid)], 3
    )


def _painted(states: np.ndarray, signed: bool) -> np.ndarray:
    """Float RGB (F, 3)."""
    if not signed:
        return OFF + (ON - OFF) * states.astype(np.float32)[:, None]
    far = diverging(np.sign(states))
    return OFF + (far - OFF) * np.abs(states).astype(np.float32)[:, None]


def _count(states: np.ndarray, signed: bool, brief: bool = False) -> str:
    """How many filters are on, or differ, by more than half."""
    found, word = int((np.abs(states) > 0.5).sum()), "differ" if signed else "on"
    return f"{found}/{len(states)} {word}" if brief else f"{found} of {len(states)} filters {word}"


def _legend(evidence: Pathway) -> np.ndarray:
    ends = [(1.0, evidence.on), (-1.0 if evidence.signed else 0.0, evidence.off)]
    shown = []
    for state, word in ends:
        colour = _painted(np.array([state]), evidence.signed)[0]
        swatch = to_pixels(np.full((12, 12, 3), colour, np.float32))
        shown.append(canvas.row([swatch, canvas.text(word, size=canvas.SMALL)], 4))
    return canvas.row(shown)
