"""A picture of a difference: A, B and B − A on one scale, a row for each pair of maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp.errors import InputError
from interp.evidence import Heatmap
from interp.method import Style

if TYPE_CHECKING:
    from interp.difference.difference import Difference
    from interp.difference.pair import Pair
    from interp.registry import Registry

WHITE = 255


def draw_difference(registry: Registry, found: Difference) -> np.ndarray:
    """Every pair of maps, (h, w, 3) uint8 RGB; InputError where no pair has maps."""
    rows = [
        _row(registry, pair, found.images.get(pair.name)) for pair in found.pairs if _drawable(pair)
    ]
    if not rows:
        raise InputError("found no two maps of one name, target and size to draw")
    return _joined(rows, axis=0)


def _drawable(pair: Pair) -> bool:
    return pair.before is not None and pair.before.map() is not None and pair.values() is not None


def _row(registry: Registry, pair: Pair, image: np.ndarray | None) -> np.ndarray:
    values = pair.values()
    assert values is not None  # noqa: S101 - only drawable pairs come here
    before, after = values
    style = Style(scale=float(max(np.abs(before).max(), np.abs(after).max())) or None)
    renderer = registry.renderer(Heatmap.kind)
    r2 = pair.r2
    columns = [
        renderer.render(Heatmap(name=name, values=each, unit=pair.name, r2=fit), image, style)
        for name, each, fit in (
            ("A", before, r2[0]),
            ("B", after, r2[1]),
            ("B − A", after - before, None),
        )
    ]
    return _joined(columns, axis=1)


def _joined(pictures: list[np.ndarray], axis: int) -> np.ndarray:
    """Pictures beside (axis 1) or below (axis 0) each other, the smaller ones filled with white."""
    other = 1 - axis
    most = max(each.shape[other] for each in pictures)
    padding = [(0, 0)] * 3
    padded = []
    for each in pictures:
        padding[other] = (0, most - each.shape[other])
        padded.append(np.pad(each, padding, constant_values=WHITE))
    return np.concatenate(padded, axis)
