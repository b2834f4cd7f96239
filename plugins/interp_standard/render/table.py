"""A table as a picture: numbers to the right, words to the left, long ones wrapped."""

from collections.abc import Sequence
from numbers import Number
from typing import Any

import numpy as np

from interp.evidence import Evidence, Table
from interp.method import Renderer, Style
from interp_standard.render import canvas
from interp_standard.render.page import of_kind, page
from interp_standard.render.scale import number

SHOWN = 60
WIDEST = 240
HEAD: canvas.Colour = (225, 229, 234)
STRIPE: canvas.Colour = (246, 247, 249)
MARGIN = 6


class TableRenderer(Renderer):
    """The first rows of the table, striped."""

    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        evidence = of_kind(evidence, Table)
        if not evidence.columns:
            return page(evidence, canvas.text("no columns", ink=canvas.SOFT))
        rows = [[_word(value) for value in line] for line in evidence.rows[:SHOWN]]
        widths = _widths([evidence.columns, *rows])
        aligns = [_align([line[index] for line in evidence.rows]) for index in range(len(widths))]
        lines = [_line(evidence.columns, widths, aligns, HEAD)]
        for index, words in enumerate(rows):
            lines.append(_line(words, widths, aligns, STRIPE if index % 2 else canvas.WHITE))
        notes = [] if rows else ["no rows"]
        if len(evidence.rows) > SHOWN:
            notes.append(f"the first {SHOWN} of {len(evidence.rows)} rows")
        return page(evidence, canvas.column(lines, 0), notes)


def _is_number(value: Any) -> bool:
    return isinstance(value, Number) and not isinstance(value, bool)


def _word(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, (float, np.floating)):
        return number(float(value))
    return str(value)


def _align(values: Sequence[Any]) -> str:
    given = [value for value in values if value is not None]
    return "right" if given and all(_is_number(value) for value in given) else "left"


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    columns = zip(*lines, strict=True)
    return [min(WIDEST, max(1, *map(canvas.text_width, words), 1)) for words in columns]


def _line(
    words: Sequence[str], widths: Sequence[int], aligns: Sequence[str], paper: canvas.Colour
) -> np.ndarray:
    blocks = [
        canvas.text(word, width, ink=canvas.INK, paper=paper, align=align)
        for word, width, align in zip(words, widths, aligns, strict=True)
    ]
    height = max(block.shape[0] for block in blocks) + MARGIN
    sheet = canvas.blank(height, sum(widths) + 2 * MARGIN * len(widths), paper)
    left = MARGIN
    for block, width in zip(blocks, widths, strict=True):
        canvas.paste(sheet, block, MARGIN // 2, left)
        left += width + 2 * MARGIN
    return sheet
