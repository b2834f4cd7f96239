"""Average precision of a detector: how well boxes by falling score meet the true boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from interp_standard.localize import iou


@dataclass(frozen=True, eq=False)
class Found:
    """The boxes of one image: corners (B, 4), class indices (B,) and, where found, scores (B,)."""

    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray


def average_precision(
    found: Sequence[Found], truth: Sequence[Found], least: float = 0.5
) -> dict[int, float]:
    """AP of each class with a true box: area under precision by recall, at IoU `least`.

    Each found box, by falling score over all images, takes the true box of its class that it
    overlaps most; it is right where that overlaps by `least` and no box took it before (Pascal
    VOC 2010). Precision at a recall is the largest at this recall or beyond.
    """
    labels = np.unique(np.concatenate([each.labels for each in truth]))
    return {int(label): _of_class(found, truth, label, least) for label in labels}


def _of_class(found: Sequence[Found], truth: Sequence[Found], label: int, least: float) -> float:
    hits, scores, total = [], [], 0
    for mine, true in zip(found, truth, strict=True):
        boxes = true.boxes[true.labels == label]
        total += len(boxes)
        chosen = mine.labels == label
        order = np.argsort(-mine.scores[chosen], kind="stable")
        hits.append(_hits(mine.boxes[chosen][order], boxes, least))
        scores.append(mine.scores[chosen][order])
    order = np.argsort(-np.concatenate(scores), kind="stable")
    right = np.concatenate(hits)[order].cumsum()
    if not len(right):
        return 0.0
    precision = right / np.arange(1, len(right) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    recall = right / total
    return float((np.diff(recall, prepend=0) * precision).sum())


def _hits(boxes: np.ndarray, truth: np.ndarray, least: float) -> np.ndarray:
    """Which boxes, by falling score, take a true box that was not taken before."""
    hits = np.zeros(len(boxes), bool)
    if not len(truth):
        return hits
    taken = np.zeros(len(truth), bool)
    for number, row in enumerate(iou(boxes, truth)):
        best = int(row.argmax())
        hits[number] = row[best] >= least and not taken[best]
        taken[best] |= hits[number]
    return hits
