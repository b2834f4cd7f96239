"""A matrix as coloured cells; labels are left out where they would overlap."""

from collections.abc import Sequence
from math import ceil

import numpy as np

from interp.evidence import Evidence, Matrix
from interp.method import Renderer, Style
from interp_standard.render import canvas
from interp_standard.render.colour import to_pixels
from interp_standard.render.page import NARROWEST, of_kind, page
from interp_standard.render.panel import resize
from interp_standard.render.scale import Scale, number

LARGEST_CELL = 48
SHORTEST = 60
"""Least pixels of a side of the matrix; few rows or columns get larger cells."""

ROOMY_CELL = 36
"""Least size of a cell that shows its number."""


class MatrixRenderer(Renderer):
    """Rows down, columns across; a very large matrix is averaged down to the width."""

    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        evidence = of_kind(evidence, Matrix)
        if not evidence.values.size:
            return page(evidence, canvas.text("no cells", NARROWEST))
        scale = Scale.of(evidence.values, style, evidence.signed)
        cells = _cells(evidence.values, scale, style.width)
        rows = _labels(evidence.rows, cells.shape[0])
        columns = np.rot90(_labels(evidence.columns, cells.shape[1]))
        lower = canvas.row([canvas.blank(columns.shape[0], rows.shape[1]), columns], 4)
        body = canvas.column([canvas.row([rows, cells], 4), lower], 4)
        bar = scale.bar(max(style.width, NARROWEST))
        notes = scale.notes()
        if max(evidence.values.shape) > style.width:
            notes.append(f"{len(evidence.rows)} x {len(evidence.columns)} cells, averaged to fit")
        return page(evidence, canvas.column([body, bar]), notes)


def _cells(values: np.ndarray, scale: Scale, width: int) -> np.ndarray:
    rows, columns = (min(length, width) for length in values.shape)
    colours = to_pixels(resize(scale.paint(scale.share(values)), (rows, columns)))
    cell = min(LARGEST_CELL, width // max(rows, columns))
    tall, wide = (max(cell, _least(each, width)) for each in (rows, columns))
    pixels = colours.repeat(tall, 0).repeat(wide, 1)
    if cell >= ROOMY_CELL:
        for place in np.ndindex(values.shape):
            _write(pixels, float(values[place]), colours[place], place, (tall, wide))
    return pixels


def _least(count: int, width: int) -> int:
    """Least pixels of each of `count` rows or columns: a label's height where all labels fit."""
    label = canvas.text_height(canvas.SMALL)
    return max(min(LARGEST_CELL, SHORTEST // count), label if count * label <= width else 1)


def _write(
    pixels: np.ndarray,
    value: float,
    colour: np.ndarray,
    place: tuple[int, ...],
    cell: tuple[int, int],
) -> None:
    """Write the number into its cell, in place, with as many digits as fit, or not at all."""
    labels = [number(value, digits) for digits in (3, 2, 1)]
    label = next(
        (each for each in labels if canvas.text_width(each, canvas.SMALL) <= cell[1] - 4), None
    )
    if label is None:
        return
    paper = (int(colour[0]), int(colour[1]), int(colour[2]))
    ink = canvas.INK if colour.mean() > 130 else canvas.WHITE
    block = canvas.text(label, size=canvas.SMALL, ink=ink, paper=paper)
    top, left = (
        place[axis] * cell[axis] + (cell[axis] - block.shape[axis]) // 2 for axis in (0, 1)
    )
    canvas.paste(pixels, block, top, left)


def _labels(names: Sequence[str], length: int) -> np.ndarray:
    """Row names as a strip of this length, each beside the middle of its row."""
    height = canvas.text_height(canvas.SMALL)
    pitch = length / len(names)
    width = max(canvas.text_width(name, canvas.SMALL) for name in names)
    sheet = canvas.blank(max(length, height), max(width, 1))
    free = 0
    for index in range(0, len(names), ceil(height / pitch)):
        middle = int((index + 0.5) * pitch - height / 2)
        top = min(max(middle, 0), sheet.shape[0] - height)
        if top >= free:
            canvas.paste(
                sheet, canvas.text(names[index], width, canvas.SMALL, align="right"), top, 0
            )
            free = top + height
    return sheet
