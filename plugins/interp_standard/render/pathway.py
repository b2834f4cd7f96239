"""The filters of each layer as small cells, on or off."""

from math import ceil

import numpy as np

from interp.evidence import Evidence, Pathway
from interp.method import Renderer, Style
from interp_standard.render.canvas import GAP, INK, SMALL, SOFT, blank, column, flow, row, text
from interp_standard.render.colour import to_pixels
from interp_standard.render.page import of_kind, page

ON = np.array([20, 92, 158], np.float32)
OFF = np.array([222, 222, 222], np.float32)
CELL = 6
TALLEST = 40
NARROWEST = 64


class PathwayRenderer(Renderer):
    """One column per layer, in order, filters left to right and top to bottom."""

    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        evidence = of_kind(evidence, Pathway)
        ends = np.cumsum(list(evidence.layers.values()), dtype=int)
        parts = np.split(evidence.states, ends[:-1])
        across = max(8, ceil(max(evidence.layers.values(), default=0) / TALLEST))
        columns = [_layer(*each, across) for each in zip(evidence.layers, parts, strict=False)]
        widest = max([2 * style.width, *(each.shape[1] for each in columns)])
        body = flow(columns, widest, 2 * GAP) if columns else blank(1, 1)
        on = int((evidence.states > 0.5).sum())
        notes = [f"{on} of {len(evidence.states)} filters on; one cell is one filter"]
        return page(evidence, column([body, _legend()]), notes)


def _layer(name: str, states: np.ndarray, across: int) -> np.ndarray:
    rows = ceil(len(states) / across)
    cells = np.full((rows * across, 3), 255, np.float32)
    cells[: len(states)] = OFF + (ON - OFF) * np.clip(states, 0, 1)[:, None]
    grid = cells.reshape(rows, across, 3).repeat(CELL, 0).repeat(CELL, 1)
    grid[CELL - 1 :: CELL] = grid[:, CELL - 1 :: CELL] = 255
    width = max(NARROWEST, across * CELL)
    count = f"{int((states > 0.5).sum())}/{len(states)} on"
    title = [text(name, width, SMALL, INK), text(count, width, SMALL, SOFT)]
    return column([*title, to_pixels(grid)], 3)


def _legend() -> np.ndarray:
    swatches = [np.full((12, 12, 3), colour, np.float32) for colour in (ON, OFF)]
    words = [text(word, size=SMALL) for word in ("on", "off")]
    return row(
        [row([to_pixels(each), word], 4) for each, word in zip(swatches, words, strict=True)]
    )
