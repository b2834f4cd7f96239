"""The readout `boxes`: how well a detector finds again the boxes that it found in an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import Field

from interp.errors import InputError, ModelError, first_line
from interp.network.outputs import outline
from interp.network.placement import Placement
from interp.network.scores import within_one
from interp.opening.box_layout import (
    SHAPES,
    Activation,
    Background,
    Form,
    Layout,
    Name,
    Units,
    form_of,
    recognise,
    take,
    units_of,
)
from interp.opening.proposals import Proposals, stacked
from interp.opening.python_object import named_object
from interp.params import CODE, Params
from interp.readout import OutputDescription, RawImage, RawOutput, Readout, Region

if TYPE_CHECKING:
    from torch import Tensor

COCO_LABELS = 91
"""Labels of torchvision's detectors, `__background__` and gaps in the numbering included."""
FAINT = 0.05
"""Confidence below which a box is not worth explaining."""
PROBES = 2
"""Images that a model has answered when its readout is asked."""
ANY = tuple(range(1, 10_000))
"""Any number of class names."""
BLACK_BOX = (
    "a detector is explained as a black box: which boxes are compared changes with the image, so "
    "methods that need gradients or cuts are not offered"
)


class BoxParams(Params):
    """How a detector's answer is read, and which boxes are explained."""

    layout: Name | None = Field(
        None,
        description="layout of the answer: torchvision (dictionaries of boxes, labels, scores), "
        "yolov5 (N, cells, 5 + classes), yolov8 (N, 4 + classes, cells), ssd (boxes and scores), "
        "detr (pred_boxes and logits) or fastestdet (N, 5 + classes, h, w); default: recognised",
    )
    decode: str | None = Field(
        None,
        json_schema_extra=CODE,
        description="function module:function instead of a layout: from the raw answer it makes, "
        "for each image, boxes (B, 4) as left, top, right, bottom in pixels of the input, class "
        "probabilities (B, K), and objectness (B,) or None, on the answer's device",
    )
    threshold: float = Field(
        0.5, ge=0, le=1, description="least confidence of a box that is explained"
    )
    iou: float = Field(
        0.5,
        ge=0,
        le=1,
        description="overlap from which the less confident of two boxes of a class is dropped",
    )
    limit: int = Field(20, ge=1, description="most boxes of an image that are explained")
    boxes: Form | None = Field(
        None,
        description="the four numbers of a box: corners (left, top, right, bottom) or centre "
        "(centre x, centre y, width, height); default: by layout, of ssd as its first answer looks",
    )
    units: Units | None = Field(
        None,
        description="of those numbers: pixels of the input, or shares of its sides; default: by "
        "layout, of yolov5, yolov8 and ssd as the first answer looks",
    )
    background: Background | None = Field(
        None,
        description="class that stands for nothing: first, last or absent; default: of detr the "
        "last, unless every class has a name, of ssd the first, where scores sum to 1 or one has "
        "no name",
    )


class Reader(Protocol):
    """Reads the proposals in a model's raw answer."""

    def __call__(self, answer: object, /) -> Proposals: ...


@dataclass(frozen=True)
class BoxReadout(Readout):
    """Boxes of a detector: a target is a box found in the image, its score D-RISE's similarity.

    Of a version of the image, the score of a box is the largest, over all boxes that the detector
    proposes, of IoU * cosine of the classes' probabilities * objectness (Petsiuk et al., Black-box
    Explanation of Object Detectors via Saliency Maps, CVPR 2021): proposals are those before
    non-maximum suppression, where the answer holds them. With the method rise that is D-RISE.

    Ours: where an answer has no objectness, the probability of the likeliest class stands for it.
    Without that a proposal in place would count in full however improbable it became.

    Read without an image, a class's score is that of the most confident box of the class.
    """

    Params: ClassVar[type[Params]] = BoxParams
    params: BoxParams

    def read(self, output: RawOutput) -> OutputDescription:
        named, _ = output.names(0, also=ANY)
        reader, count, said = self._reader(output, len(named))
        _check_batch(reader(output.value), output.model)
        names, notes = output.names(count)
        base = OutputDescription(
            "none",
            names,
            normalised=True,
            notes=[said, BLACK_BOX, *notes],
            scores=lambda answer: reader(answer).confidence().amax(1),
            readout="boxes",
            black_box=True,
        )
        return replace(base, focus=partial(self._focus, base, reader, output.model))

    def _reader(self, output: RawOutput, named: int) -> tuple[Reader, int, str]:
        """What reads the answers, the number of classes, and a note; `named` of them have names."""
        if self.params.decode is not None:
            if self.params.layout is not None:
                raise ModelError(
                    f"found layout={self.params.layout} and decode={self.params.decode}; a decode "
                    "function replaces the layout; leave out one of the two"
                )
            read = _decoder(self.params.decode)
            count = read(output.value).classes.shape[2]
            return read, count, f"boxes are read by {self.params.decode}"
        layout = settle(output, self.params, named)
        stated = self.params.layout is not None
        return layout.read, layout.count, _told(layout, stated)

    def _focus(
        self, base: OutputDescription, read: Reader, model: str, raw: RawImage
    ) -> OutputDescription:
        """How versions of one image are read: by the boxes that were found in it."""
        found = read(raw.value)
        chosen = self.params.threshold, self.params.iou, self.params.limit
        rows, labels, confidences = found.select(*chosen)
        if not len(rows):
            raise InputError(_nothing(found, base.classes, model, self.params.threshold))
        boxes, classes = found.boxes[0, rows], found.classes[0, rows]
        size = raw.image.shape[:2]
        regions = tuple(Region(_in_image(box, raw.placement, size)) for box in boxes.tolist())
        names = tuple(
            f"{base.classes[label]} {confidence:.2f} at {_corners(region.box)}"
            for label, confidence, region in zip(
                labels.tolist(), confidences.tolist(), regions, strict=True
            )
        )
        return replace(
            base,
            classes=names,
            normalised=False,
            unit="similarity",
            scores=lambda answer: read(answer).similarity(boxes, classes),
            focus=None,
            regions=regions,
            order=tuple(range(len(names))),
        )


def _check_batch(found: Proposals, model: str) -> None:
    """Raise ModelError unless the proposals are those of the two probe images."""
    if len(found.boxes) != PROBES:
        raise ModelError(
            f"{model} answers boxes of {len(found.boxes)} images to {PROBES}; expected as many; "
            "export it with a free batch axis in all its outputs"
        )


def settle(output: RawOutput, params: BoxParams, named: int) -> Layout:
    """The layout of a model's answer, of which `named` classes have names (0: not known)."""
    name = params.layout or recognise(output.value, output.model)
    boxes, classes, _ = take(output.value, name, output.model, named or COCO_LABELS)
    ready = name in ("torchvision", "fastestdet") or (name != "detr" and within_one(classes))
    background = params.background or _background(name, classes, named, ready)
    stated = output.options.activation or output.card.activation
    assumed: Activation = "softmax" if background != "absent" else "sigmoid"
    form, units = _numbers(name, boxes)
    return Layout(
        name,
        output.input.size,
        classes.shape[2] - (background != "absent"),
        params.boxes or form,
        params.units or units,
        background,
        stated or ("none" if ready else assumed),
    )


def _background(name: Name, classes: Tensor, named: int, ready: bool) -> Background:
    """Which class stands for nothing, of `named` ones; `ready`: they are probabilities."""
    outputs = classes.shape[2]
    if name not in ("detr", "ssd") or named == outputs:
        return "absent"
    if name == "detr":
        return "last"
    whole = bool(((classes.sum(2) - 1).abs() < 1e-3).all())
    return "first" if whole or not ready or named == outputs - 1 else "absent"


def _numbers(name: Name, boxes: Tensor) -> tuple[Form, Units]:
    """What the four numbers of boxes (N, B, 4) are."""
    if name == "torchvision":
        return "corners", "pixels"
    if name in ("detr", "fastestdet"):
        return "centre", "shares"
    return form_of(boxes) if name == "ssd" else "centre", units_of(boxes)


def _told(layout: Layout, stated: bool) -> str:
    """The note on how boxes are read."""
    numbers = "left, top, right, bottom"
    if layout.form == "centre":
        numbers = "centre x, centre y, width, height"
    unit = "pixels" if layout.units == "pixels" else "shares of the input"
    classes = "" if layout.activation == "none" else f", classes by {layout.activation}"
    if layout.background != "absent":
        classes += f", of which the {layout.background} stands for nothing"
    end = "" if stated else "; --readout-param layout=NAME if not"
    return (
        f"boxes are read as {layout.name}, {SHAPES[layout.name]}: {numbers} in {unit}{classes}{end}"
    )


def _decoder(name: str) -> Reader:
    """What reads by a decode function `module:function`. Raises ModelError where there is none."""
    decode: Callable[[object], Any] = named_object(name, f"decode={name}")

    def read(answer: object) -> Proposals:
        try:
            return stacked([_proposals(*each) for each in decode(answer)])
        except Exception as error:  # the user's own code, and what it returns
            raise ModelError(
                f"decode={name} failed ({first_line(error)}); expected boxes (B, 4), class "
                "probabilities (B, K) and objectness (B,) or None for each image"
            ) from error

    return read


def _proposals(boxes: Any, classes: Any, objectness: Any = None) -> Proposals:
    """Of one image, from tensors or arrays (B, 4), (B, K) and (B,)."""
    import torch

    boxes, classes = (torch.as_tensor(each).float()[None] for each in (boxes, classes))
    if boxes.dim() != 3 or boxes.shape[2] != 4 or classes.shape[:2] != boxes.shape[:2]:
        raise ValueError(f"found boxes {outline(boxes[0])} and classes {outline(classes[0])}")
    if objectness is None:
        return Proposals(boxes, classes, classes.amax(2), (0.0, 1.0))
    return Proposals(boxes, classes, torch.as_tensor(objectness).float().reshape(1, -1))


def _nothing(found: Proposals, names: tuple[str, ...], model: str, threshold: float) -> str:
    """The message where no box is confident enough."""
    best = found.confidence()[0].max(0).values
    name, most = names[int(best.argmax())], float(best.max())
    if most <= 0:
        return f"{model} found no box at all in the image; choose another image"
    lower = f" or --readout-param threshold={most * 0.99:.3g}" if most >= FAINT else ""
    return (
        f"{model} found no box of a confidence of {threshold:g} in the image; the best is {name} "
        f"at {most:.3g}; choose another image{lower}"
    )


def _in_image(
    box: list[float], placement: Placement, size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """A box in pixels of the input as one in pixels of the image (H, W), cut at its edges."""
    (sy, sx), (ty, tx), (height, width) = placement.scale, placement.shift, size
    across = [min(max((x - tx) / sx, 0.0), float(width)) for x in box[::2]]
    down = [min(max((y - ty) / sy, 0.0), float(height)) for y in box[1::2]]
    return across[0], down[0], across[1], down[1]


def _corners(box: tuple[float, float, float, float]) -> str:
    """Its left, top, right and bottom in whole pixels, such as 120,40..300,310."""
    left, top, right, bottom = (round(each) for each in box)
    return f"{left},{top}..{right},{bottom}"
