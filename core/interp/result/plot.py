"""Pictures as a matplotlib figure, for notebooks and papers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from interp.errors import UnsupportedError
from interp.evidence import Evidence, Outline
from interp.explanation import Explanation
from interp.lazy_type import Figure
from interp.method import Style
from interp.result.draw import photo

Cell = tuple[str, np.ndarray | str]
"""A caption and a picture (h, w, 3) uint8 RGB, or words in place of one."""

PIXELS, CAPTION = 110.0, 0.35
"""Pixels of a picture to the inch, and inches of a caption and of the title."""
WORDS = (360, 360)
"""Height and width of words in place of a picture, in pixels."""
ACROSS = 4
"""The most pictures side by side."""


def plot_evidence(found: Explanation, picture: Callable[[Evidence], np.ndarray]) -> Figure:
    """A figure of the images and all evidence, each piece as `picture` draws it.

    Outlines are on the other pieces.
    """
    shown = [each for each in found.evidence if not isinstance(each, Outline)]
    names = ("",) if found.provenance is None else found.provenance.image_names
    photos = (photo(each, Style().width) for each in found.images)
    cells: list[Cell] = list(zip(names, photos, strict=False))
    cells += [(_image_name(found, each), picture(each)) for each in shown]
    across = balanced(len(cells), ACROSS) or 1
    rows = [cells[at : at + across] for at in range(0, len(cells), across)]
    made = found.provenance
    return plot_rows(rows, "" if made is None else f"{made.method} on {made.model.name}")


def balanced(count: int, most: int) -> int:
    """How many of `count` things stand side by side, at most `most`, none alone in the last row.

        balanced(5, 4)  # 3: three and two, not four and one

    Where one must be alone, as of seven in rows of three, rows are as equal as they can be.
    """
    rows = -(-count // most)
    equal = -(-count // rows) if rows else 0
    return next((each for each in range(equal, 1, -1) if count % each != 1), equal)


def plot_rows(rows: Sequence[Sequence[Cell]], title: str) -> Figure:
    """A figure of rows of pictures, all on one scale.

    pyplot knows the figure, so that plt.show() shows it; but in a notebook, which shows both a
    cell's value and the figures that pyplot knows, it would be there twice. Raises UnsupportedError
    where matplotlib is missing.
    """
    pyplot = _pyplot()
    down, across = max(1, len(rows)), max(map(len, rows), default=1)
    heights, widths = [WORDS[0] / PIXELS] * down, [WORDS[1] / PIXELS] * across
    for y, row in enumerate(rows):
        sizes = [WORDS if isinstance(shown, str) else shown.shape[:2] for _, shown in row]
        heights[y] = max(size[0] for size in sizes) / PIXELS + CAPTION * any(c for c, _ in row)
        widths[: len(row)] = [max(w, s[1] / PIXELS) for w, s in zip(widths, sizes, strict=False)]
    figure, axes = pyplot.subplots(
        down,
        across,
        figsize=(sum(widths), sum(heights) + CAPTION),
        squeeze=False,
        layout="constrained",
        height_ratios=heights,
        width_ratios=widths,
    )
    figure.suptitle(title, parse_math=False)
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            _fill(axes[y, x], *cell)
    for axis in axes.ravel():
        axis.axis("off")
        axis.set_anchor("N")
    if "inline" in pyplot.get_backend():
        pyplot.close(figure)
    made: Figure = figure
    return made


def _fill(axis: Any, caption: str, shown: np.ndarray | str) -> None:
    axis.set_title(caption, fontsize="small", parse_math=False)
    if isinstance(shown, str):
        axis.text(0.5, 0.5, shown, ha="center", va="center", wrap=True, parse_math=False)
    else:
        axis.imshow(shown)


def _image_name(found: Explanation, evidence: Evidence) -> str:
    """The name of the image that evidence is about, where there are several."""
    made, at = found.provenance, evidence.image
    if at is None or len(found.images) < 2:
        return ""
    return f"image {at}" if made is None else made.image_names[at]


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise UnsupportedError(
            "plot() needs matplotlib, which is not installed here; pip install matplotlib"
        ) from error
    return pyplot
