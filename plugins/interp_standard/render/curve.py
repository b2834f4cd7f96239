"""Curves over a common axis, with ticks and a legend."""

from math import ceil, floor, log10

import cv2
import numpy as np

from interp.evidence import Curve, Evidence
from interp.method import Renderer, Style
from interp_standard.render import canvas
from interp_standard.render.colour import series, to_pixels
from interp_standard.render.page import NARROWEST, of_kind, page
from interp_standard.render.scale import number

GRID = (230, 230, 230)
SHIFT = 4  # cv2 takes coordinates in sixteenths of a pixel
EDGE = 6


class CurveRenderer(Renderer):
    """A line per series."""

    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        evidence = of_kind(evidence, Curve)
        width = max(style.width, NARROWEST)
        if not evidence.values.size:
            return page(evidence, canvas.text("no points", width, ink=canvas.SOFT))
        axis_x, axis_y = _ticks(evidence.x), _ticks(evidence.values)
        colours = series(len(evidence.series))
        plot = _plot(evidence, axis_x, axis_y, colours, (round(width * 0.62), width))
        blocks = [
            canvas.text(evidence.y_label, width, canvas.SMALL, canvas.SOFT),
            _with_axes(plot, axis_x, axis_y),
            canvas.text(evidence.x_label, width, canvas.SMALL, canvas.SOFT, align="center"),
            canvas.flow(
                [_key(*each) for each in zip(evidence.series, colours, strict=True)], width, 14
            ),
        ]
        return page(evidence, canvas.column(blocks, 4))


def _ticks(values: np.ndarray, count: int = 5) -> np.ndarray:
    """Round numbers, evenly spaced, from below the smallest value to above the largest."""
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-9 * max(abs(low), abs(high), 1e-300):
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    rough = (high - low) / count
    power = 10.0 ** floor(log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough * 0.999)
    return np.arange(floor(low / step + 1e-9), ceil(high / step - 1e-9) + 1) * step


def _place(values: np.ndarray, axis: np.ndarray, length: int) -> np.ndarray:
    """Values as pixels along an axis of this length, an edge left at both ends."""
    share: np.ndarray = (values - axis[0]) / (axis[-1] - axis[0])
    return EDGE + share * (length - 1 - 2 * EDGE)


def _plot(
    evidence: Curve,
    axis_x: np.ndarray,
    axis_y: np.ndarray,
    colours: np.ndarray,
    size: tuple[int, int],
) -> np.ndarray:
    height, width = size
    sheet = canvas.blank(height, width)
    sheet[height - 1 - np.rint(_place(axis_y, axis_y, height)).astype(int)] = GRID
    sheet[:, np.rint(_place(axis_x, axis_x, width)).astype(int)] = GRID
    across = _place(evidence.x, axis_x, width)
    for values, colour in zip(evidence.values, colours, strict=True):
        down = height - 1 - _place(values, axis_y, height)
        points = np.rint(np.stack([across, down], -1) * 2**SHIFT).astype(np.int32)  # (N, 2)
        _draw(sheet, points, colour.tolist())
    return sheet


def _draw(sheet: np.ndarray, points: np.ndarray, colour: list[float]) -> None:
    cv2.polylines(sheet, [points], False, colour, 2, cv2.LINE_AA, SHIFT)
    if len(points) <= 20:
        for x, y in points.tolist():
            cv2.circle(sheet, (x, y), 3 * 2**SHIFT, colour, -1, cv2.LINE_AA, SHIFT)


def _with_axes(plot: np.ndarray, axis_x: np.ndarray, axis_y: np.ndarray) -> np.ndarray:
    height, width = plot.shape[:2]
    line = canvas.text_height(canvas.SMALL)
    left = max(canvas.text_width(number(each), canvas.SMALL) for each in axis_y) + 4
    right = canvas.text_width(number(axis_x[-1]), canvas.SMALL) // 2
    sheet = canvas.paste(canvas.blank(height + line + 4, left + width + right), plot, 0, left)
    for value, place in zip(axis_y, _place(axis_y, axis_y, height), strict=True):
        block = canvas.text(number(value), left - 4, canvas.SMALL, align="right")
        canvas.paste(sheet, block, max(0, round(height - 1 - place - line / 2)), 0)
    for value, place in zip(axis_x, _place(axis_x, axis_x, width), strict=True):
        block = canvas.text(number(value), size=canvas.SMALL)
        canvas.paste(sheet, block, height + 2, max(0, round(left + place - block.shape[1] / 2)))
    return sheet


def _key(name: str, colour: np.ndarray) -> np.ndarray:
    swatch = canvas.blank(canvas.text_height(canvas.SMALL), 16)
    middle = len(swatch) // 2
    swatch[middle - 1 : middle + 2] = to_pixels(colour)
    return canvas.row([swatch, canvas.text(name, size=canvas.SMALL)], 5)
