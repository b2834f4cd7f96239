"""Similarity of a detector's proposals against slow second writings; suppression; padding."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from interp.opening.proposals import Proposals, overlap, stacked


def random_boxes(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    low = torch.rand(*shape, 2, generator=generator) * 60
    return torch.cat([low, low + torch.rand(*shape, 2, generator=generator) * 40 + 1], -1)


def random_proposals(images: int, count: int, classes: int, seed: int = 0) -> Proposals:
    generator = torch.Generator().manual_seed(seed + 100)
    return Proposals(
        random_boxes(images, count, seed=seed),
        torch.rand(images, count, classes, generator=generator),
        torch.rand(images, count, generator=generator),
    )


def slow_iou(a: list[float], b: list[float]) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    shared = width * height
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return shared / (areas - shared)


def slow_cosine(a: list[float], b: list[float]) -> float:
    product = sum(x * y for x, y in zip(a, b, strict=True))
    return product / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(x * x for x in b))


@pytest.mark.parametrize(("images", "count", "classes"), [(1, 1, 1), (3, 17, 4), (2, 40, 80)])
def test_similarity_is_that_of_d_rise(images: int, count: int, classes: int) -> None:
    """s(d_t, d_j) = IoU(L_t, L_j) * P_t . P_j / (|P_t| |P_j|) * O_j; the largest over j."""
    found = random_proposals(images, count, classes)
    boxes, wanted = random_boxes(5, seed=9), torch.rand(5, classes)
    slow = [
        [
            max(
                slow_iou(box, found.boxes[n, j].tolist())
                * slow_cosine(vector, found.classes[n, j].tolist())
                * float(found.objectness[n, j])
                for j in range(count)
            )
            for box, vector in zip(boxes.tolist(), wanted.tolist(), strict=True)
        ]
        for n in range(images)
    ]
    torch.testing.assert_close(
        found.similarity(boxes, wanted), torch.tensor(slow), atol=1e-6, rtol=1e-5
    )


def test_a_proposal_that_repeats_the_box_has_its_objectness() -> None:
    found = random_proposals(1, 6, 3)
    alone = Proposals(found.boxes[:, :1], found.classes[:, :1], found.objectness[:, :1])
    similar = alone.similarity(found.boxes[0, :1], found.classes[0, :1])
    torch.testing.assert_close(similar, found.objectness[:, :1])


def test_boxes_apart_and_boxes_without_area_share_nothing() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 30], [5, 5, 5, 5], [9, 9, 1, 1]])
    found = overlap(boxes[None], boxes)[0]
    assert found[0].tolist() == [1, 0, 0, 0]
    assert not found[2:].any()


def test_confidence_has_its_powers() -> None:
    found = random_proposals(2, 3, 4)
    torch.testing.assert_close(found.confidence(), found.objectness[..., None] * found.classes)
    weighed = Proposals(found.boxes, found.classes, found.objectness, (0.6, 0.4))
    torch.testing.assert_close(
        weighed.confidence(), found.objectness[..., None] ** 0.6 * found.classes**0.4
    )


def test_select_suppresses_boxes_of_the_same_class_only() -> None:
    boxes = torch.tensor([[[0.0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 10], [40, 40, 50, 50]]])
    classes = torch.tensor([[[0.9, 0], [0.95, 0], [0, 0.7], [0.3, 0]]])
    found = Proposals(boxes, classes, torch.ones(1, 4))
    rows, labels, confidences = found.select(0.5, 0.5, 10)
    assert rows.tolist() == [1, 2]
    assert labels.tolist() == [0, 1]
    assert confidences.tolist() == pytest.approx([0.95, 0.7])
    assert found.select(0.2, 0.5, 10)[0].tolist() == [1, 2, 3]
    assert found.select(0.2, 0.9, 10)[0].tolist() == [1, 0, 2, 3]
    assert found.select(0.2, 0.9, 2)[0].tolist() == [1, 0]
    assert found.select(0.99, 0.5, 10)[0].tolist() == []


@pytest.mark.parametrize("seed", range(5))
def test_select_against_a_slow_second_writing(seed: int) -> None:
    found = random_proposals(1, 60, 3, seed)
    scores = found.confidence()[0]
    left = sorted(
        (row for row in range(60) if scores[row].max() >= 0.3), key=lambda row: -scores[row].max()
    )
    kept: list[int] = []
    while left:
        first = left.pop(0)
        kept.append(first)
        left = [
            row
            for row in left
            if scores[row].argmax() != scores[first].argmax()
            or slow_iou(found.boxes[0, row].tolist(), found.boxes[0, first].tolist()) <= 0.4
        ]
    assert found.select(0.3, 0.4, 100)[0].tolist() == kept


def test_padding_changes_no_similarity() -> None:
    parts = [random_proposals(1, count, 4, count) for count in (3, 0, 7)]
    whole = stacked(parts)
    assert whole.boxes.shape == (3, 7, 4)
    boxes, classes = random_boxes(2, seed=5), torch.rand(2, 4)
    found = whole.similarity(boxes, classes)
    torch.testing.assert_close(
        found[::2], torch.cat([each.similarity(boxes, classes) for each in parts[::2]])
    )
    assert not found[1].any()
    assert whole.select(0.0, 0.5, 3)[0].numel()
    nothing = stacked([parts[1]])
    assert nothing.similarity(boxes, classes).tolist() == [[0, 0]]
    assert not nothing.select(0.1, 0.5, 3)[0].numel()
