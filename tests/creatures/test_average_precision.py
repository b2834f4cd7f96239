"""Average precision against a slow second writing, and on cases whose answer is known by hand."""

from __future__ import annotations

import numpy as np
import pytest
from creatures.average_precision import Found, average_precision


def found(boxes: list[list[float]], labels: list[int], scores: list[float]) -> Found:
    return Found(np.array(boxes, float).reshape(-1, 4), np.array(labels), np.array(scores))


def random_images(rng: np.random.Generator, count: int = 12) -> list[list[Found]]:
    """Found and true boxes; most found ones are true ones, moved a little."""
    mine, true = [], []
    for _ in range(count):
        corners = rng.uniform(0, 50, (rng.integers(1, 5), 2))
        boxes = np.hstack([corners, corners + rng.uniform(10, 40, corners.shape)])
        labels = rng.integers(0, 3, len(boxes))
        true.append(Found(boxes, labels, np.ones(len(boxes))))
        copies = rng.integers(0, len(boxes), rng.integers(0, 8))
        moved = boxes[copies] + rng.normal(0, 4, (len(copies), 4))
        other = np.where(rng.random(len(copies)) < 0.2, 0, labels[copies])
        mine.append(Found(moved, other, rng.random(len(copies)).round(3)))
    return [mine, true]


def slow_iou(a: np.ndarray, b: np.ndarray) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return width * height / (both - width * height)


def slow_precision(mine: list[Found], true: list[Found], label: int) -> float:
    """Box by box over all images; the area is summed over the recalls that are reached."""
    ranked = sorted(
        (-score, image, order)
        for image, each in enumerate(mine)
        for order, score in enumerate(each.scores)
        if each.labels[order] == label
    )
    taken: set[tuple[int, int]] = set()
    total = sum(int((each.labels == label).sum()) for each in true)
    curve, right = [], 0
    for rank, (_, image, order) in enumerate(ranked, 1):
        best, at = 0.0, None
        for number, box in enumerate(true[image].boxes):
            if true[image].labels[number] == label:
                here = slow_iou(mine[image].boxes[order], box)
                if here > best:
                    best, at = here, number
        if best >= 0.5 and (image, at) not in taken:
            taken.add((image, at))
            right += 1
        curve.append((right / total, right / rank))
    area, before = 0.0, 0.0
    for place, (recall, _) in enumerate(curve):
        area += (recall - before) * max(precision for _, precision in curve[place:])
        before = recall
    return area


@pytest.mark.parametrize("seed", range(8))
def test_it_equals_a_slow_second_writing(seed: int) -> None:
    mine, true = random_images(np.random.default_rng(seed))
    by_class = average_precision(mine, true)
    assert len(by_class) > 1
    for label, precision in by_class.items():
        assert precision == pytest.approx(slow_precision(mine, true, label), abs=1e-12)


def test_a_perfect_detector_has_one_and_an_empty_one_none() -> None:
    _, true = random_images(np.random.default_rng(0))
    assert set(average_precision(true, true).values()) == {1.0}
    nothing = [found([], [], []) for _ in true]
    assert set(average_precision(nothing, true).values()) == {0.0}


def test_a_second_box_on_the_same_object_is_wrong() -> None:
    true = [found([[0, 0, 10, 10], [20, 20, 30, 30]], [0, 0], [1, 1])]
    mine = [found([[0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30]], [0, 0, 0], [0.9, 0.8, 0.7])]
    # Precision 1 at recall 1/2, and 2/3 at recall 1.
    assert average_precision(mine, true)[0] == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_the_class_counts() -> None:
    true = [found([[0, 0, 10, 10]], [0], [1])]
    assert average_precision([found([[0, 0, 10, 10]], [1], [0.9])], true) == {0: 0.0}
