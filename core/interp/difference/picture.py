"""A picture of a difference: A, B and B − A on one scale, one row for each pair of maps."""

from __future__ import annotations

import numpy as np

from interp.difference.difference import Difference
from interp.difference.pair import EvidenceDiff
from interp.errors import InputError
from interp.evidence import Heatmap
from interp.method import Style
from interp.registry import Registry
from interp.result.draw import draw_evidence

WHITE = 255


def draw_difference(registry: Registry, found: Difference) -> np.ndarray:
    """Every pair of maps, (h, w, 3) uint8 RGB. Raises InputError where no pair has maps."""
    rows = [
        _row(registry, pair, *values)
        for pair in found.pairs
        if pair.before and pair.before.map() is not None and (values := pair.values())
    ]
    if not rows:
        raise InputError("found no two maps of one name, target and size to draw")
    return _joined(rows, axis=0)


def _row(
    registry: Registry, pair: EvidenceDiff, before: np.ndarray, after: np.ndarray
) -> np.ndarray:
    style = Style(scale=float(max(np.abs(before).max(), np.abs(after).max())) or None)
    panels = {"A": (before, pair.r2[0]), "B": (after, pair.r2[1]), "B − A": (after - before, None)}
    columns = []
    for name, (values, r2) in panels.items():
        each = Heatmap(name=name, values=values, unit=pair.name, r2=r2)
        columns.append(draw_evidence(registry, each, pair.image, style))
    return _joined(columns, axis=1)


def _joined(pictures: list[np.ndarray], axis: int) -> np.ndarray:
    """Pictures beside (axis 1) or below (axis 0) each other, padded with white to one size."""
    other = 1 - axis
    most = max(each.shape[other] for each in pictures)
    padded = []
    for each in pictures:
        padding = [(0, 0)] * 3
        padding[other] = (0, most - each.shape[other])
        padded.append(np.pad(each, padding, constant_values=WHITE))
    return np.concatenate(padded, axis)
