"""Concepts: overlap of the cells where filters are active with masks of object parts.

Masks are shares of a layer's cells, so that IoU is sum min / sum max over all images and cells.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from interp.dataset import Example
from interp.errors import InputError
from interp.evaluation.dissection import mask_to_input, thresholds
from interp.network.placement import Placement
from interp.spec import ReceptiveField

Values = dict[str, dict[str, str]]
"""concept -> class -> value."""
Joined = Literal["mean", "union"]


@dataclass(frozen=True)
class Match:
    """Filters, a concept, and the overlap of their cells with it."""

    filters: tuple[int, ...]
    concept: str
    overlap: float


def read_values(path: str | None, classes: Sequence[str]) -> Values:
    """Values of concepts for each class from a JSON file; InputError where a class has none."""
    if path is None:
        return {}
    try:
        found: Values = json.loads(Path(path).read_text(encoding="utf-8"))
        missing = [
            f"{name} of {c}" for name, each in found.items() for c in classes if c not in each
        ]
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise InputError(
            f'{path} cannot be read ({error}); expected JSON as {{"head": {{"arbo": "round"}}}}'
        ) from error
    if missing:
        raise InputError(f"{path} says nothing of {missing[0]}; expected a value for every class")
    return found


def active_cells(maps: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Cells (N, K, gh, gw) bool where a filter's map reaches its threshold and is not 0."""
    return np.asarray((maps >= limits[:, None, None]) & (maps > 0))


def overlap(cells: np.ndarray, mask: np.ndarray) -> float:
    """IoU of cells (N, gh, gw) bool and a mask (N, gh, gw) in [0, 1], over all images."""
    either = float(np.maximum(cells, mask).sum())
    return float(np.minimum(cells, mask).sum()) / either if either else 0.0


def part_masks(
    examples: Sequence[tuple[Example, Placement]],
    classes: Sequence[str],
    values: Values,
    grid: tuple[int, int],
    field: ReceptiveField | None,
) -> dict[str, np.ndarray]:
    """Masks (N, gh, gw) of each part, and of each value of the parts that have one per class.

    Labels of instances are those of `classes`, the data's.
    """
    found: dict[str, np.ndarray] = {}
    for at, (example, placement) in enumerate(examples):
        for instance in example.instances:
            for part in instance.parts:
                if part.mask is None:
                    continue
                cells = placement.input_to_grid(mask_to_input(part.mask, placement), grid, field)
                value = values.get(part.name, {}).get(classes[instance.label])
                for name in (part.name, *([] if value is None else [f"{part.name} {value}"])):
                    masks = found.setdefault(name, np.zeros((len(examples), *grid), np.float32))
                    masks[at] = np.maximum(masks[at], cells)
    return found


def parts_together(
    masks: dict[str, np.ndarray], classes: Sequence[str], values: Values
) -> dict[str, np.ndarray]:
    """Masks (N, gh, gw) of all parts that have values together, and of each class's own values.

    For example "head and tail", and "head round and tail bushy"; empty on images that lack one of
    them. A class is recognised by several parts, which a combination of filters may stand for.
    """
    if len(values) < 2:
        return {}
    own = [tuple(f"{part} {of[name]}" for part, of in values.items()) for name in classes]
    found = {}
    for parts in dict.fromkeys([tuple(values), *own]):
        if all(part in masks for part in parts):
            chosen = np.stack([masks[part] for part in parts])
            seen = chosen.max((2, 3), keepdims=True) > 0  # (parts, N, 1, 1)
            found[" and ".join(parts)] = chosen.sum(0).clip(max=1) * seen.all(0)
    return found


def mine_combinations(
    codes: np.ndarray, clusters: np.ndarray, most: int, least: float = 0.5
) -> list[tuple[int, tuple[int, ...]]]:
    """Per cluster its number of images, and up to `most` filters that are on more than elsewhere.

    Filters are on in a share `least` of its images or more; clusters with one or none are left out.
    """
    found = []
    for group in np.unique(clusters):
        members = clusters == group
        inside = codes[members].mean(0)
        outside = codes[~members].mean(0) if not members.all() else np.zeros_like(inside)
        score = np.where(inside >= least, inside - outside, -np.inf)
        best = np.argsort(-score, kind="stable")[:most]
        chosen = tuple(int(each) for each in best if score[each] > 0)
        if len(chosen) > 1:
            found.append((int(members.sum()), chosen))
    return found


def match_concept(
    maps: np.ndarray,
    masks: dict[str, np.ndarray],
    filters: tuple[int, ...],
    seen: np.ndarray,
    top: float,
    joined: Joined = "mean",
) -> tuple[Match, Match]:
    """The concept that filters overlap with most together, and the best of them alone.

    Thresholds, concept and best filter are chosen on the images `seen` (N,); the overlaps are those
    on the others. Maps (N, K, gh, gw) are rectified. "mean": the top cells of the filters' mean,
    each divided by its threshold; as many cells as a single filter's. "union": all their cells.
    """
    chosen = maps[:, list(filters)]
    limits = thresholds(chosen[seen], top)
    alone = np.moveaxis(active_cells(chosen, limits), 1, 0)
    together = np.logical_or.reduce(alone)
    if joined == "mean":
        units = np.where(limits > 0, limits, 1)[:, None, None]
        mean = (chosen / units).mean(1, keepdims=True)
        together = active_cells(mean, thresholds(mean[seen], top))[:, 0]
    concept = max(masks, key=lambda name: overlap(together[seen], masks[name][seen]))
    mask = masks[concept]
    best = int(np.argmax([overlap(each[seen], mask[seen]) for each in alone]))
    single = overlap(alone[best][~seen], mask[~seen])
    return (
        Match(filters, concept, overlap(together[~seen], mask[~seen])),
        Match((filters[best],), concept, single),
    )
