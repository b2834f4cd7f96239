"""An evaluation as a picture: a panel per metric, a dot with its interval per method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp.evaluation.result import Evaluation
from interp.evaluation.table import figure

if TYPE_CHECKING:
    import PIL.Image
    import PIL.ImageFont
    from PIL import ImageDraw

ROW, AXIS, MARGIN = 34, 380, 28  # pixels: height of a method's row, width of an axis, margin
TEXT, TITLE = 20, 23
INK, SOFT, GRID = (33, 33, 33), (120, 120, 120), (228, 228, 228)
METHOD, BASELINE = (0, 114, 178), (150, 150, 150)
COLUMNS = 3
"""The most panels side by side."""


def draw_evaluation(found: Evaluation) -> np.ndarray:
    """The picture of all metrics, (h, w, 3) uint8 RGB."""
    from PIL import Image

    if not found.metrics:
        return np.full((ROW, AXIS, 3), 255, np.uint8)
    labels = 14 + int(max(font(TEXT).getlength(each) for each in found.methods))
    panels = [Panel(found, metric, labels, _limits(found, metric)) for metric in found.metrics]
    width = labels + AXIS + 2 * MARGIN
    height = len(found.methods) * ROW + 4 * TEXT + 2 * MARGIN
    columns = min(COLUMNS, len(panels))
    sheet = Image.new("RGB", (columns * width, -(-len(panels) // columns) * height), "white")
    for at, panel in enumerate(panels):
        picture = panel.draw(Image.new("RGB", (width, height), "white"))
        sheet.paste(picture, (at % columns * width, at // columns * height))
    return np.asarray(sheet)


def _limits(found: Evaluation, metric: str) -> tuple[float, float]:
    """Ends of a metric's axis: those of all intervals, and 0 where it is near."""
    means = [cell.mean for cell in found.table[metric].values()]
    low = min(each.value if each.low is None else each.low for each in means)
    high = max(each.value if each.high is None else each.high for each in means)
    if 0 < low < high / 2:
        low = 0.0
    spare = 0.04 * (high - low) or 0.5
    return low - spare, high + spare


@dataclass(frozen=True, eq=False)
class Panel:
    """The panel of one metric; `labels` is the width of the methods' names in pixels."""

    found: Evaluation
    metric: str
    labels: int
    limits: tuple[float, float]

    def draw(self, sheet: PIL.Image.Image) -> PIL.Image.Image:
        """Draw title, axis and rows onto the sheet."""
        from PIL import ImageDraw

        draw = ImageDraw.Draw(sheet)
        used = self.found.metric_specs[self.metric]
        better = "higher is better" if used.higher_is_better else "lower is better"
        draw.text((MARGIN, MARGIN), self.metric, INK, font(TITLE))
        beside = MARGIN + font(TITLE).getlength(self.metric) + 12
        draw.text((beside, MARGIN + 3), f"{used.unit}, {better}", SOFT, font(TEXT - 3))
        top = MARGIN + 2 * TEXT
        bottom = top + len(self.found.methods) * ROW
        for value in ticks(*self.limits):
            across = self._across(value)
            draw.line((across, top, across, bottom), GRID, 2)
            draw.text((across, bottom + 6), figure(value), SOFT, font(TEXT - 3), anchor="ma")
        for number, method in enumerate(self.found.methods):
            self._row(draw, method, top + number * ROW + ROW // 2)
        return sheet

    def _row(self, draw: ImageDraw.ImageDraw, method: str, height: int) -> None:
        plain = method in self.found.baselines
        ink, colour = (SOFT, BASELINE) if plain else (INK, METHOD)
        left = MARGIN + self.labels
        draw.text((left - 14, height), method, ink, font(TEXT), anchor="rm")
        cell = self.found.table[self.metric].get(method)
        if cell is None:
            draw.text((left, height), "-", SOFT, font(TEXT), anchor="lm")
            return
        if cell.mean.low is not None and cell.mean.high is not None:
            low, high = self._across(cell.mean.low), self._across(cell.mean.high)
            draw.line((low, height, high, height), colour, 4)
        middle = self._across(cell.mean.value)
        draw.ellipse((middle - 7, height - 7, middle + 7, height + 7), colour)

    def _across(self, value: float) -> float:
        """The pixel of a value on the axis."""
        low, high = self.limits
        return MARGIN + self.labels + (value - low) / (high - low) * AXIS


def font(size: int) -> PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont:
    """Pillow's own font."""
    from PIL import ImageFont

    return ImageFont.load_default(size)


def ticks(low: float, high: float) -> list[float]:
    """A few round numbers from `low` to `high`."""
    rough = (high - low) / 5
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough * 0.99)
    first, last = int(np.ceil(low / step)), int(np.floor(high / step))
    return [each * step for each in range(first, last + 1)]
