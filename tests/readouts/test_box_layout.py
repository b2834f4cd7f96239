"""Layouts of a detector's answer: recognised, and read as the same boxes from all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from interp.errors import ModelError
from interp.opening.box_layout import Layout, form_of, recognise, take, units_of

SIZE = (40, 80)  # height, width
CLASSES = 5
COUNT = 20
PLAIN = Layout("yolov5", SIZE, CLASSES, "centre", "pixels", "absent", "none")


@dataclass
class Answer:
    """As transformers answers."""

    logits: Tensor
    pred_boxes: Tensor


def truth() -> tuple[Tensor, Tensor, Tensor]:
    """Corners (2, 20, 4) in pixels, class probabilities (2, 20, 3) and objectness (2, 20)."""
    generator = torch.Generator().manual_seed(0)
    low = torch.rand(2, COUNT, 2, generator=generator) * torch.tensor([40.0, 20])
    boxes = torch.cat([low, low + 2 + torch.rand(2, COUNT, 2, generator=generator) * 15], -1)
    classes = torch.rand(2, COUNT, CLASSES, generator=generator)
    return boxes, classes / classes.sum(2, keepdim=True), torch.rand(2, COUNT, generator=generator)


def centred(boxes: Tensor) -> Tensor:
    return torch.cat([(boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]], -1)


def shares(boxes: Tensor) -> Tensor:
    return boxes / torch.tensor([SIZE[1], SIZE[0]] * 2)


def test_yolov5() -> None:
    boxes, classes, objectness = truth()
    rows = torch.cat([centred(boxes), objectness[..., None], classes], 2)
    for answer in (rows, (rows, [torch.zeros(2, 3, 4, 4, 8)])):  # as a module in training form
        assert recognise(answer, "net") == "yolov5"
        found = PLAIN.read(answer)
        torch.testing.assert_close(found.boxes, boxes)
        torch.testing.assert_close(found.classes, classes)
        torch.testing.assert_close(found.objectness, objectness)


def test_yolov8_has_the_likeliest_class_for_objectness() -> None:
    boxes, classes, _ = truth()
    answer = torch.cat([centred(boxes), classes], 2).transpose(1, 2)
    assert recognise(answer, "net") == "yolov8"
    found = replace(PLAIN, name="yolov8").read(answer)
    torch.testing.assert_close(found.boxes, boxes)
    torch.testing.assert_close(found.objectness, classes.amax(2))
    torch.testing.assert_close(found.confidence(), classes)


def test_logits_become_probabilities() -> None:
    boxes, classes, objectness = truth()
    rows = torch.cat([centred(boxes), objectness.logit()[..., None], classes.logit()], 2)
    found = replace(PLAIN, activation="sigmoid").read(rows)
    torch.testing.assert_close(found.classes, classes)
    torch.testing.assert_close(found.objectness, objectness)


@pytest.mark.parametrize("background", ["first", "last", "absent"])
@pytest.mark.parametrize("swapped", [False, True])
def test_ssd(background: str, swapped: bool) -> None:
    boxes, classes, objectness = truth()
    scores = classes * objectness[..., None]
    nothing = [1 - objectness[..., None]]
    whole = {"first": [*nothing, scores], "last": [scores, *nothing], "absent": [scores]}
    pair = {"scores": torch.cat(whole[background], 2), "boxes": shares(boxes)}
    answer: object = tuple(pair.values()) if swapped else pair
    assert recognise(answer, "net") == "ssd"
    layout = Layout("ssd", SIZE, CLASSES, "corners", "shares", background, "none")  # type: ignore[arg-type]
    found = layout.read(answer)
    torch.testing.assert_close(found.boxes, boxes)
    torch.testing.assert_close(found.confidence(), scores)
    expected = scores.amax(2) if background == "absent" else objectness
    torch.testing.assert_close(found.objectness, expected)


def test_boxes_are_told_from_four_scores_by_their_name() -> None:
    boxes, classes, _ = truth()
    layout = Layout("ssd", SIZE, 4, "corners", "pixels", "absent", "none")
    found = layout.read({"scores": classes[..., :4], "boxes": boxes})
    torch.testing.assert_close(found.boxes, boxes)
    found = layout.read((boxes, classes[..., :4]))  # without names the first are boxes
    torch.testing.assert_close(found.boxes, boxes)


def test_detr() -> None:
    boxes, classes, objectness = truth()
    whole = torch.cat([classes * objectness[..., None], 1 - objectness[..., None]], 2).log()
    for answer in (
        {"pred_logits": whole, "pred_boxes": shares(centred(boxes))},
        Answer(whole, shares(centred(boxes))),
    ):
        assert recognise(answer, "net") == "detr"
        found = Layout("detr", SIZE, CLASSES, "centre", "shares", "last", "softmax").read(answer)
        torch.testing.assert_close(found.boxes, boxes)
        torch.testing.assert_close(found.objectness, objectness)
        torch.testing.assert_close(found.confidence(), classes * objectness[..., None])


def test_torchvision() -> None:
    boxes, _, scores = truth()
    labels = torch.arange(COUNT) % CLASSES
    first = {"boxes": boxes[0], "labels": labels, "scores": scores[0]}
    second = {"boxes": boxes[1, :4], "labels": labels[:4], "scores": scores[1, :4]}
    layout = Layout("torchvision", SIZE, CLASSES, "corners", "pixels", "absent", "none")
    assert recognise([first, second], "net") == "torchvision"
    found = layout.read([first, second])
    torch.testing.assert_close(found.boxes[0], boxes[0])
    torch.testing.assert_close(found.boxes[1, :4], boxes[1, :4])
    assert not found.boxes[1, 4:].any()
    assert found.classes[0].argmax(1).tolist() == labels.tolist()
    torch.testing.assert_close(found.objectness[0], scores[0])
    assert recognise(first, "net") == "torchvision"  # a file's outputs by name, for one image
    torch.testing.assert_close(layout.read(first).boxes[0], boxes[0])
    empty = {"boxes": boxes[0, :0], "labels": labels[:0], "scores": scores[0, :0]}
    assert not layout.read([empty, empty]).confidence().any()
    with pytest.raises(ModelError, match="box of class 4, but 2 classes are known"):
        replace(layout, count=2).read([first])


def test_fastestdet_by_the_formulas_of_its_readme() -> None:
    answer = torch.rand(2, 5 + CLASSES, 4, 6, generator=torch.Generator().manual_seed(1))
    assert recognise(answer, "net") == "fastestdet"
    found = Layout("fastestdet", SIZE, CLASSES, "centre", "shares", "absent", "none").read(answer)
    for y in range(4):
        for x in range(6):
            o, a, b, c, d, *s = answer[1, :, y, x]
            row = found.boxes[1, y * 6 + x]
            middle = torch.stack([(x + a.tanh()) / 6 * 80, (y + b.tanh()) / 4 * 40])
            sides = torch.stack([c.sigmoid() * 80, d.sigmoid() * 40])
            torch.testing.assert_close((row[:2] + row[2:]) / 2, middle)
            torch.testing.assert_close(row[2:] - row[:2], sides)
            best = found.confidence()[1, y * 6 + x].max()
            torch.testing.assert_close(best, o**0.6 * max(s) ** 0.4)


def test_other_answers_are_told() -> None:
    for answer in (torch.zeros(2, 10), [torch.zeros(2, 8)], {"mask": torch.zeros(2, 1, 8, 8)}):
        with pytest.raises(ModelError, match=r"net answers .* layout=NAME.*decode=module"):
            recognise(answer, "net")
    with pytest.raises(ModelError, match="not laid out as ssd: boxes"):
        take(torch.zeros(2, 9, 8), "ssd", "net", 3)
    with pytest.raises(ModelError, match="not laid out as yolov5"):
        take(torch.zeros(2, 9, 5), "yolov5", "net", 3)


def test_the_numbers_of_a_box_show_what_they_are() -> None:
    boxes, _, _ = truth()
    assert form_of(boxes) == "corners"
    assert form_of(centred(boxes)) == "centre"
    assert units_of(boxes) == "pixels"
    assert units_of(shares(boxes)) == "shares"
