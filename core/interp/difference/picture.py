"""A picture of a difference: the image, then A, B and B − A on one scale, a row for each pair."""

from __future__ import annotations

import numpy as np

from interp.difference.difference import SAME, Difference, FolderDifference
from interp.difference.pair import EvidenceDiff
from interp.errors import InputError
from interp.evidence import Evidence, Heatmap
from interp.method import Style
from interp.registry import Registry
from interp.result.draw import colour_limit, draw_evidence, photo

WHITE = 255


def draw_difference(registry: Registry, found: Difference | FolderDifference) -> np.ndarray:
    """Every pair, (h, w, 3) uint8 RGB. Raises InputError as difference_panels."""
    rows = [
        _joined(list(panels.values()), axis=1) for _, panels in difference_panels(registry, found)
    ]
    return _joined(rows, axis=0)


def difference_panels(
    registry: Registry, found: Difference | FolderDifference
) -> list[tuple[str, dict[str, np.ndarray]]]:
    """Pairs by name, each with its pictures by their titles, (h, w, 3) uint8 RGB.

    These are the image, if any, A, B and, of two maps of one size that differ, B − A. What is the
    same is drawn only where nothing differs. Raises InputError where there is no pair to draw, and
    for whole folders of images.
    """
    if isinstance(found, FolderDifference):
        raise InputError(
            "a picture is of one image's result; name one in each of the two folders, such as "
            f"{next(iter(found.images))}"
        )
    both = [each for each in found.pairs if each.before and each.after]
    if not both:
        raise InputError("found nothing that both have, of one name and target, to draw")
    drawn = [each for each in both if each.largest > SAME] or both
    return [(each.name, _row(registry, each)) for each in drawn]


def _maps(pair: EvidenceDiff) -> tuple[np.ndarray, np.ndarray] | None:
    """Both maps (H, W), if there are two of one size that differ."""
    maps = pair.values() if pair.before and pair.before.map() is not None else None
    return None if maps is None or np.array_equal(*maps) else maps


def _row(registry: Registry, pair: EvidenceDiff) -> dict[str, np.ndarray]:
    style, sides = Style(), {"A": pair.before, "B": pair.after}
    panels: dict[str, Evidence] = {title: each for title, each in sides.items() if each}
    if maps := _maps(pair):
        one, two = maps
        panels = {
            "A": Heatmap(name="A", values=one, unit=pair.name, r2=pair.r2[0]),
            "B": Heatmap(name="B", values=two, unit=pair.name, r2=pair.r2[1]),
            "B − A": Heatmap(name="B − A, blue: less, red: more", values=two - one, unit=""),
        }
        style = Style(scale=colour_limit(panels.values()) or None)
    row = {} if pair.image is None else {"the image": photo(pair.image, style.width)}
    for title, each in panels.items():
        row[title] = draw_evidence(registry, each, pair.image, style)
    return row


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
