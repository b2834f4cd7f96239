"""Curves over a common axis, with ticks and a legend."""

from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from interp.evidence import Curve, Evidence
from interp.method import Renderer, Style
from interp_standard.render import canvas
from interp_standard.render.colour import series, to_pixels
from interp_standard.render.page import NARROWEST, of_kind, page

GRID = "#e6e6e6"
INCH = 100  # pixels
MARKED = 20
"""Most points of a curve that are marked each."""


class CurveRenderer(Renderer):
    """A line per series."""

    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        evidence = of_kind(evidence, Curve)
        width = max(style.width, NARROWEST)
        if not evidence.values.size:
            return page(evidence, canvas.text("no points", width, ink=canvas.SOFT))
        colours = series(len(evidence.series))
        keys = [_key(*each) for each in zip(evidence.series, colours, strict=True)]
        return page(
            evidence,
            canvas.column([_plot(evidence, colours, width), canvas.flow(keys, width, 14)], 4),
        )


def _plot(evidence: Curve, colours: np.ndarray, width: int) -> np.ndarray:
    """Axes and lines, `width` pixels wide."""
    figure = Figure((width / INCH, 0.72 * width / INCH), dpi=INCH, layout="constrained")
    axes = figure.add_subplot()
    points = canvas.SMALL * 72 / INCH
    soft: dict[str, Any] = {
        "fontsize": points,
        "parse_math": False,
        "color": np.array(canvas.SOFT) / 255,
    }
    axes.set_title(evidence.y_label, loc="left", **soft)
    axes.set_xlabel(evidence.x_label, **soft)
    axes.tick_params(labelsize=points, color=GRID)
    axes.grid(color=GRID)
    axes.spines[:].set_visible(False)
    marker = "o" if len(evidence.x) <= MARKED else None
    for values, colour in zip(evidence.values, colours / 255, strict=True):
        axes.plot(evidence.x, values, color=colour, marker=marker, markersize=4)
    sheet = FigureCanvasAgg(figure)
    sheet.draw()
    return np.array(sheet.buffer_rgba())[..., :3]


def _key(name: str, colour: np.ndarray) -> np.ndarray:
    swatch = canvas.blank(canvas.text_height(canvas.SMALL), 16)
    middle = len(swatch) // 2
    swatch[middle - 1 : middle + 2] = to_pixels(colour)
    return canvas.row([swatch, canvas.text(name, size=canvas.SMALL)], 5)
