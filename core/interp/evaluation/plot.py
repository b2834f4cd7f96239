"""An evaluation as a picture: a panel per metric, a dot with its interval per method."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from interp.evaluation.result import Evaluation
from interp.evaluation.table import figure

if TYPE_CHECKING:
    import PIL.Image
    import PIL.ImageFont
    from PIL import ImageDraw

ROW, WIDTH, MARGIN = 34, 380, 28  # pixels: of a method, of a panel's axis, around a panel
TEXT, TITLE = 20, 23
INK, SOFT, GRID = (33, 33, 33), (120, 120, 120), (228, 228, 228)
METHOD, BASELINE = (0, 114, 178), (150, 150, 150)
COLUMNS = 3
"""The most panels side by side."""


def draw_evaluation(found: Evaluation) -> np.ndarray:
    """The picture of all metrics, (h, w, 3) uint8 RGB."""
    from PIL import Image

    panels = [Panel(found, metric) for metric in found.metrics]
    if not panels:
        return np.full((ROW, WIDTH, 3), 255, np.uint8)
    across = min(COLUMNS, len(panels))
    down = -(-len(panels) // across)
    width, height = panels[0].size
    sheet = Image.new("RGB", (across * width, down * height), "white")
    for at, panel in enumerate(panels):
        sheet.paste(panel.picture(), (at % across * width, at // across * height))
    return np.asarray(sheet)


@dataclass(frozen=True, eq=False)
class Panel:
    """The panel of one metric."""

    found: Evaluation
    metric: str

    @cached_property
    def names(self) -> int:
        """Width of the methods' names, in pixels."""
        return 14 + int(max(font(TEXT).getlength(each) for each in self.found.methods))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        rows = len(self.found.methods) * ROW
        return self.names + WIDTH + 2 * MARGIN, rows + 4 * TEXT + 2 * MARGIN

    def picture(self) -> PIL.Image.Image:
        """The panel as an image."""
        from PIL import Image, ImageDraw

        sheet = Image.new("RGB", self.size, "white")
        draw = ImageDraw.Draw(sheet)
        used = self.found.metric_specs[self.metric]
        better = "higher is better" if used.higher_is_better else "lower is better"
        draw.text((MARGIN, MARGIN), self.metric, INK, font(TITLE))
        beside = MARGIN + font(TITLE).getlength(self.metric) + 12
        draw.text((beside, MARGIN + 3), f"{used.unit}, {better}", SOFT, font(TEXT - 3))
        self._axis(draw)
        for number, method in enumerate(self.found.methods):
            self._row(draw, method, self.top + number * ROW + ROW // 2)
        return sheet

    @property
    def top(self) -> int:
        """Where the rows begin, in pixels."""
        return MARGIN + 2 * TEXT

    @cached_property
    def limits(self) -> tuple[float, float]:
        """Ends of the axis: those of all intervals, and 0 where it is near."""
        means = [cell.mean for cell in self.found.table[self.metric].values()]
        low = min(each.value if each.low is None else each.low for each in means)
        high = max(each.value if each.high is None else each.high for each in means)
        low, high = (min(low, 0.0), high) if low > 0 and low < high / 2 else (low, high)
        spare = 0.04 * (high - low) or 0.5
        return low - spare, high + spare

    def place(self, value: float) -> float:
        """The pixel of a value on the axis."""
        low, high = self.limits
        return MARGIN + self.names + (value - low) / (high - low) * WIDTH

    def _axis(self, draw: ImageDraw.ImageDraw) -> None:
        bottom = self.top + len(self.found.methods) * ROW
        for value in ticks(*self.limits):
            across = self.place(value)
            draw.line((across, self.top, across, bottom), GRID, 2)
            draw.text((across, bottom + 6), figure(value), SOFT, font(TEXT - 3), anchor="ma")

    def _row(self, draw: ImageDraw.ImageDraw, method: str, height: int) -> None:
        plain = method in self.found.baselines
        ink, colour = (SOFT, BASELINE) if plain else (INK, METHOD)
        draw.text((MARGIN + self.names - 14, height), method, ink, font(TEXT), anchor="rm")
        cell = self.found.table[self.metric].get(method)
        if cell is None:
            draw.text((MARGIN + self.names, height), "-", SOFT, font(TEXT), anchor="lm")
            return
        if cell.mean.low is not None and cell.mean.high is not None:
            ends = (self.place(cell.mean.low), height, self.place(cell.mean.high), height)
            draw.line(ends, colour, 4)
        middle = self.place(cell.mean.value)
        draw.ellipse((middle - 7, height - 7, middle + 7, height + 7), colour)


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
