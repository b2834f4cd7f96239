"""An evaluation as a picture: a panel per metric, a dot with its interval per method."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from interp.evaluation.result import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW, FRAME, WIDTH = 0.34, 1.3, 5.5  # inches: a method's row, title and axis, a panel's width
DPI = 110
METHOD, BASELINE, GRID = "#0072b2", "#969696", "#e4e4e4"
COLUMNS = 3
"""The most panels side by side."""


def draw_evaluation(found: Evaluation) -> np.ndarray:
    """The picture of all metrics, (h, w, 3) uint8 RGB."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    across = min(COLUMNS, len(found.metrics)) or 1
    down = -(-len(found.metrics) // across) or 1
    size = (across * WIDTH, down * (len(found.methods) * ROW + FRAME))
    figure = Figure(size, dpi=DPI, layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for panel, metric in zip(panels, found.metrics, strict=False):
        _draw_panel(panel, found, metric)
    for panel in panels[len(found.metrics) :]:
        panel.axis("off")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3]


def draw_metric(found: Evaluation, metric: str) -> tuple[np.ndarray, str]:
    """The picture of one metric alone, and what it shows in words."""
    alone = replace(found, metric_specs={metric: found.metric_specs[metric]})
    words = f"{metric}: each method's mean with its interval, as in the table"
    return draw_evaluation(alone), words


def _draw_panel(panel: Axes, found: Evaluation, metric: str) -> None:
    """Methods from top to bottom; the axis begins at 0 where 0 is near."""
    used = found.metric_specs[metric]
    better = "higher is better" if used.higher_is_better else "lower is better"
    panel.set_title(metric, loc="left", parse_math=False)
    panel.set_xlabel(f"{used.unit}, {better}", parse_math=False)
    panel.set_yticks(range(len(found.methods)), found.methods, parse_math=False)
    panel.set_ylim(len(found.methods) - 0.5, -0.5)
    panel.grid(axis="x", color=GRID)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    for row, (method, label) in enumerate(zip(found.methods, panel.get_yticklabels(), strict=True)):
        colour = BASELINE if method in found.baselines else METHOD
        label.set_color(colour if method in found.baselines else "black")
        if method in found.table[metric]:
            mean = found.table[metric][method].mean
            if mean.low is not None and mean.high is not None:
                panel.plot([mean.low, mean.high], [row, row], color=colour, linewidth=2.5)
            panel.plot([mean.value], [row], "o", color=colour, markersize=8)
    low, high = panel.get_xlim()
    if 0 < low < high / 2:
        panel.set_xlim(left=0)
