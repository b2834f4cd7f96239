"""A picture of a difference: the image, then A, B and B − A on one scale, a row for each pair."""

from __future__ import annotations

import numpy as np

from interp.difference.difference import Difference, FolderDifference
from interp.difference.pair import EvidenceDiff
from interp.errors import InputError
from interp.evidence import Heatmap
from interp.method import Style
from interp.registry import Registry
from interp.result.draw import colour_limit, draw_evidence, photo

WHITE = 255


def draw_difference(registry: Registry, found: Difference | FolderDifference) -> np.ndarray:
    """Every pair of maps, (h, w, 3) uint8 RGB. Raises InputError as difference_panels."""
    rows = [_joined(panels, axis=1) for _, panels in difference_panels(registry, found)]
    return _joined(rows, axis=0)


def difference_panels(
    registry: Registry, found: Difference | FolderDifference
) -> list[tuple[str, list[np.ndarray]]]:
    """Each pair of maps by name, with the image, if any, A, B and B − A, (h, w, 3) uint8 RGB each.

    Raises InputError where no pair has maps, and for whole folders of images.
    """
    if isinstance(found, FolderDifference):
        raise InputError(
            "a picture is of one image's result; name one in each of the two folders, such as "
            f"{next(iter(found.images))}"
        )
    rows = [
        (pair.name, _row(registry, pair, *values))
        for pair in found.pairs
        if pair.before and pair.before.map() is not None and (values := pair.values())
    ]
    if not rows:
        raise InputError("found no two maps of one name, target and size to draw")
    return rows


def _row(
    registry: Registry, pair: EvidenceDiff, before: np.ndarray, after: np.ndarray
) -> list[np.ndarray]:
    panels = [
        Heatmap(name="A", values=before, unit=pair.name, r2=pair.r2[0]),
        Heatmap(name="B", values=after, unit=pair.name, r2=pair.r2[1]),
        Heatmap(name="B − A, blue: less, red: more", values=after - before, unit=""),
    ]
    style = Style(scale=colour_limit(panels) or None)
    columns = [] if pair.image is None else [photo(pair.image, style.width)]
    return columns + [draw_evidence(registry, each, pair.image, style) for each in panels]


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
