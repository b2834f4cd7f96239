"""Layouts of a detector's answer: recognised by shapes and names, and read as proposals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from interp.errors import ModelError
from interp.network.outputs import outline, parts
from interp.opening.proposals import Powers, Proposals, stacked

if TYPE_CHECKING:
    from torch import Tensor

Name = Literal["torchvision", "yolov5", "yolov8", "ssd", "detr", "fastestdet"]
Form = Literal["corners", "centre"]
Units = Literal["pixels", "shares"]
Background = Literal["first", "last", "absent"]
Activation = Literal["softmax", "sigmoid", "none"]

DICTIONARY = {"boxes", "labels", "scores"}
"""Keys of torchvision's dictionaries."""
NEAR_ONE = 2.0
"""Boxes whose numbers stay below this are shares of the input, not pixels."""


class Parts(NamedTuple):
    """What an answer holds: boxes (N, B, 4), classes (N, B, K) and, maybe, objectness (N, B)."""

    boxes: Tensor
    classes: Tensor
    objectness: Tensor | None


@dataclass(frozen=True)
class Layout:
    """How the boxes of a model's raw answers are read, settled once when it is opened."""

    name: Name
    size: tuple[int, int]
    """The input's height and width in pixels."""
    count: int
    """Number of classes, without one that stands for nothing."""
    form: Form
    """Corners are left, top, right, bottom; centre is centre x, centre y, width, height."""
    units: Units
    background: Background
    """Which class stands for nothing, if any does."""
    activation: Activation

    def read(self, answer: object) -> Proposals:
        """The proposals in a raw answer of this layout."""
        found = _taken(answer, self.name, self.count)
        boxes = self._corners(found.boxes.float())
        classes, objectness = found.classes.float(), found.objectness
        if self.activation != "none":
            softmax = self.activation == "softmax"
            classes = classes.softmax(-1) if softmax else classes.sigmoid()
            objectness = None if objectness is None else objectness.sigmoid()
        if objectness is not None:
            powers = FASTESTDET if self.name == "fastestdet" else (1.0, 1.0)
            return Proposals(boxes, classes, objectness.float(), powers)
        if self.background == "absent":
            return Proposals(boxes, classes, classes.amax(-1), (0.0, 1.0))
        nothing = classes[..., 0 if self.background == "first" else -1]
        some = classes[..., 1:] if self.background == "first" else classes[..., :-1]
        return Proposals(boxes, some, 1 - nothing, (0.0, 1.0))

    def _corners(self, boxes: Tensor) -> Tensor:
        """Boxes (N, B, 4) as left, top, right, bottom in pixels."""
        from torchvision.ops import box_convert

        if self.form == "centre":
            boxes = box_convert(boxes, "cxcywh", "xyxy")
        height, width = self.size
        return boxes * boxes.new_tensor([width, height] * 2) if self.units == "shares" else boxes


def recognise(answer: object, model: str) -> Name:
    """The layout that an answer's names and shapes show. Raises ModelError where none fits."""
    named = parts(answer)
    first = parts(next(iter(named.values()), None))
    if named.keys() >= DICTIONARY or first.keys() >= DICTIONARY:
        return "torchvision"
    if "pred_boxes" in named and {"pred_logits", "logits"} & named.keys():
        return "detr"
    tensors = _tensors(answer)
    if len(tensors) == 2 and _boxes_and_scores(answer) is not None:
        return "ssd"
    if tensors and tensors[0].dim() == 4 and tensors[0].shape[1] > 5:
        return "fastestdet"
    if tensors and tensors[0].dim() == 3:
        cells, channels = tensors[0].shape[1:]
        if cells > channels > 5:
            return "yolov5"
        if 4 < cells < channels:
            return "yolov8"
    raise ModelError(
        f"{model} answers {outline(answer)}; expected a detector's boxes in one of the layouts "
        f"{', '.join(SHAPES)}; say which with --readout-param layout=NAME, or read them yourself "
        "with --readout-param decode=module:function"
    )


def take(answer: object, name: Name, model: str, count: int) -> Parts:
    """The parts of a model's first answer. Raises ModelError where it has not that layout."""
    try:
        return _taken(answer, name, count)
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ModelError(
            f"{model} answers {outline(answer)}, which is not laid out as {name}: {SHAPES[name]}; "
            "name another with --readout-param layout=NAME"
        ) from error


def _taken(answer: object, name: Name, count: int) -> Parts:
    return _torchvision(answer, count) if name == "torchvision" else TAKEN[name](answer)


def form_of(boxes: Tensor) -> Form:
    """Corners where no box (N, B, 4) would be turned round, else a centre with sides."""
    return "corners" if bool((boxes[..., 2:] >= boxes[..., :2]).all()) else "centre"


def units_of(boxes: Tensor) -> Units:
    """Shares of the input's sides where all numbers are small, else pixels."""
    return "shares" if float(boxes.abs().max()) < NEAR_ONE else "pixels"


def _tensors(answer: object) -> list[Tensor]:
    """The answer's own tensors with three axes or more: itself, or its parts."""
    import torch

    found = [answer] if isinstance(answer, torch.Tensor) else list(parts(answer).values())
    return [each for each in found if isinstance(each, torch.Tensor) and each.dim() > 2]


def _boxes_and_scores(answer: object) -> tuple[Tensor, Tensor] | None:
    """The two tensors (N, B, 4) and (N, B, K) of an answer; None where they are not plain.

    Boxes are the one called so, else the one with four columns, else the first.
    """
    named = {name: each for name, each in parts(answer).items() if getattr(each, "ndim", 0) == 3}
    if len(named) != 2 or len({each.shape[:2] for each in named.values()}) != 1:
        return None
    (first, one), (_, other) = named.items()
    called = [name for name in named if "box" in name.lower()]
    four = [name for name, each in named.items() if each.shape[-1] == 4]
    if not four:
        return None
    boxes = called[0] if len(called) == 1 else four[0]
    return (one, other) if boxes == first else (other, one)


def _yolov5(answer: object) -> Parts:
    rows = _tensors(answer)[0]
    return _checked(Parts(rows[..., :4], rows[..., 5:], rows[..., 4]))


def _yolov8(answer: object) -> Parts:
    rows = _tensors(answer)[0].transpose(1, 2)
    return _checked(Parts(rows[..., :4], rows[..., 4:], None))


def _ssd(answer: object) -> Parts:
    pair = _boxes_and_scores(answer)
    if pair is None:
        raise ValueError("no boxes and scores of equally many boxes")
    return _checked(Parts(*pair, None))


def _detr(answer: object) -> Parts:
    named = parts(answer)
    classes = named["pred_logits"] if "pred_logits" in named else named["logits"]
    return _checked(Parts(named["pred_boxes"], classes, None))


def _fastestdet(answer: object) -> Parts:
    """(N, 5 + K, h, w): objectness, box and class probabilities of each cell of the grid.

    From x and y in cells, the centre is x + tanh a and y + tanh b; the sides are sigmoid c and d.
    """
    import torch

    cells = _tensors(answer)[0].permute(0, 2, 3, 1)  # (N, h, w, 5 + K)
    height, width = cells.shape[1:3]
    y, x = (torch.arange(side, device=cells.device) for side in (height, width))
    centre_x = (x + cells[..., 1].tanh()) / width
    centre_y = (y[:, None] + cells[..., 2].tanh()) / height
    sides = cells[..., 3:5].sigmoid()
    boxes = torch.cat([torch.stack([centre_x, centre_y], -1), sides], -1)
    return _checked(
        Parts(boxes.flatten(1, 2), cells[..., 5:].flatten(1, 2), cells[..., 0].flatten(1))
    )


def _torchvision(answer: object, count: int) -> Parts:
    """A dictionary for each image, or one with all; a box's score stands for objectness."""
    from torch.nn.functional import one_hot

    named = parts(answer)
    images = [named] if named.keys() >= DICTIONARY else [parts(each) for each in named.values()]
    found = []
    for each in images:
        boxes, labels, scores = each["boxes"], each["labels"].long(), each["scores"]
        if boxes.dim() == 3:
            return Parts(boxes, one_hot(_within(labels, count), count), scores)
        classes = one_hot(_within(labels, count), count).to(scores.dtype)
        found.append(Proposals(boxes[None], classes[None], scores[None]))
    whole = stacked(found)
    return Parts(whole.boxes, whole.classes, whole.objectness)


def _within(labels: Tensor, count: int) -> Tensor:
    """The labels; ModelError unless all lie in 0..count - 1."""
    if labels.numel() and int(labels.max()) >= count:
        raise ModelError(
            f"found a box of class {int(labels.max())}, but {count} classes are known, from 0; "
            "name them all with --classes FILE"
        )
    return labels


def _checked(found: Parts) -> Parts:
    """The parts; ValueError unless they are boxes and classes of equally many boxes."""
    boxes, classes, _ = found
    if boxes.dim() != 3 or boxes.shape[-1] != 4 or boxes.shape[:2] != classes.shape[:2]:
        raise ValueError("boxes and classes do not go together")
    if classes.shape[-1] < 1:
        raise ValueError("no class is left")
    return found


FASTESTDET: Powers = (0.6, 0.4)
TAKEN: Mapping[Name, Callable[[object], Parts]] = {
    "yolov5": _yolov5,
    "yolov8": _yolov8,
    "ssd": _ssd,
    "detr": _detr,
    "fastestdet": _fastestdet,
}
SHAPES: Mapping[Name, str] = {
    "torchvision": "a dictionary with boxes, labels and scores for each image",
    "yolov5": "(N, cells, 5 + classes)",
    "yolov8": "(N, 4 + classes, cells)",
    "ssd": "boxes (N, B, 4) and scores (N, B, classes)",
    "detr": "pred_boxes (N, B, 4) and pred_logits or logits (N, B, classes)",
    "fastestdet": "(N, 5 + classes, h, w)",
}
"""What each layout's answer is, in a few words."""
