"""The strongest channels of a layer as bars."""

from dataclasses import dataclass

import numpy as np

from interp.evidence import ChannelImportance, Evidence
from interp.method import Renderer, Style
from interp_standard.render.canvas import SMALL, blank, column, paste, row, text, text_width
from interp_standard.render.colour import to_pixels
from interp_standard.render.page import NARROWEST, of_kind, page
from interp_standard.render.scale import Scale, number

SHOWN = 16
HEIGHT = 16
EDGE = (150, 150, 150)
WHISKER = (60, 60, 60)


class ChannelRenderer(Renderer):
    """Bars from zero, strongest first, with numbers and standard errors."""

    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        evidence = of_kind(evidence, ChannelImportance)
        scale = Scale.of(evidence.values, style)
        order = np.argsort(-np.abs(evidence.values), kind="stable")[:SHOWN]
        lines = _lines(evidence, order, style, scale)
        notes = [
            f"{len(order)} strongest of {len(evidence.values)} {evidence.word}s",
            *scale.notes(),
        ]
        if evidence.standard_error is not None:
            notes.append("thin line: ± one standard error")
        return page(evidence, column(lines, 3) if lines else blank(1, style.width), notes)


@dataclass(frozen=True)
class _Axis:
    """Places along a bar's room: from -reach, or 0 where nothing is negative, to reach."""

    reach: Scale
    centred: bool
    room: int

    def place(self, amount: float) -> int:
        share = float(self.reach.share(np.array(amount)))
        return round((self.room - 1) * ((share + 1) / 2 if self.centred else max(share, 0.0)))


def _lines(
    evidence: ChannelImportance, order: np.ndarray, style: Style, scale: Scale
) -> list[np.ndarray]:
    values = evidence.values[order]
    error = evidence.standard_error
    errors = np.zeros(len(values)) if error is None else error[order]
    names = [f"{evidence.word} {index}" for index in order]
    numbers = [number(float(value)) for value in values]
    left, right = (
        max((text_width(word, SMALL) for word in words), default=0) for words in (names, numbers)
    )
    room = max(60, max(style.width, NARROWEST) - left - right - 16)
    axis = _Axis(Scale.of(np.abs(values) + errors, style), bool((values < 0).any()), room)
    lines = []
    for name, label, value, error in zip(names, numbers, values, errors, strict=True):
        bar = _bar(float(value), float(error), scale, axis)
        lines.append(row([text(name, left, SMALL), bar, text(label, right, SMALL, align="right")]))
    return lines


def _bar(value: float, error: float, scale: Scale, axis: _Axis) -> np.ndarray:
    sheet = blank(HEIGHT, axis.room)
    if abs(value) < scale.threshold * scale.limit:
        return sheet
    start, end = sorted((axis.place(0.0), axis.place(value)))
    sheet[1:-1, start : end + 1] = EDGE
    sheet[2:-2, start + 1 : end] = to_pixels(scale.colour(scale.share(np.array(value))))
    sheet[:, axis.place(0.0)] = EDGE
    if error > 0:
        low, high = axis.place(value - error), axis.place(value + error)
        paste(sheet, blank(2, high - low + 1, WHISKER), HEIGHT // 2 - 1, low)
    return sheet
