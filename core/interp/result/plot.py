"""Pictures as a matplotlib figure, for notebooks and papers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from interp.errors import UnsupportedError
from interp.evidence import Evidence, Outline
from interp.explanation import Explanation
from interp.lazy_type import Figure

SIDE, CAPTION = 3.2, 0.5  # inches: a picture's width, and what its caption adds to its height
ACROSS = 4
"""The most pictures side by side."""


def plot_evidence(
    found: Explanation, picture: Callable[[Evidence], np.ndarray], across: int = ACROSS
) -> Figure:
    """A figure of all evidence, each piece as `picture` draws it; outlines are on the others."""
    shown = [each for each in found.evidence if not isinstance(each, Outline)]
    cells = [(_caption(found, each), picture(each)) for each in shown]
    rows = [cells[at : at + across] for at in range(0, len(cells), across)]
    made = found.provenance
    return plot_rows(rows, "" if made is None else f"{made.method} on {made.model.name}")


def plot_rows(rows: Sequence[Sequence[tuple[str, np.ndarray | str]]], title: str) -> Figure:
    """A figure of rows of pictures (h, w, 3) uint8 RGB, or of words in place of one.

    Each has a caption. pyplot knows the figure, so that plt.show() shows it. Raises
    UnsupportedError where matplotlib is missing.
    """
    across = max(map(len, rows), default=1)
    height = sum(map(_height, rows)) or SIDE
    figure, axes = _pyplot().subplots(
        len(rows) or 1,
        across,
        figsize=(across * SIDE, height),
        squeeze=False,
        layout="constrained",
        height_ratios=[_height(row) for row in rows] or None,
    )
    figure.suptitle(title, parse_math=False)
    for line, row in zip(axes, rows, strict=False):
        for axis, (caption, shown) in zip(line, row, strict=False):
            axis.set_title(caption, fontsize="small", wrap=True, parse_math=False)
            if isinstance(shown, str):
                axis.text(0.5, 0.5, shown, ha="center", va="center", wrap=True, parse_math=False)
            else:
                axis.imshow(shown)
    for axis in axes.ravel():
        axis.axis("off")
    made: Figure = figure
    return made


def _height(row: Sequence[tuple[str, np.ndarray | str]]) -> float:
    """Inches of a row: that of its tallest picture, and a caption."""
    shapes = [each.shape for _, each in row if isinstance(each, np.ndarray)]
    return CAPTION + SIDE * max((shape[0] / shape[1] for shape in shapes), default=1.0)


def _caption(found: Explanation, evidence: Evidence) -> str:
    words = [evidence.name if evidence.target is None else f"{evidence.name}: {evidence.target}"]
    made = found.provenance
    if len(found.images) > 1 and evidence.image is not None:
        names = made.image_names if made else ()
        words.append(names[evidence.image] if names else f"image {evidence.image}")
    return "\n".join(words)


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise UnsupportedError(
            "plot() needs matplotlib, which is not installed here; pip install matplotlib"
        ) from error
    return pyplot
