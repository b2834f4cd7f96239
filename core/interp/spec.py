"""A model's description in plain types: its input, classes, layers and capabilities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, field_validator

from interp.record import Plain as Plain
from interp.short import short

PROBABILITY = "probability"
"""Unit of scores between 0 and 1 that say how likely a class is."""
VALUE = "value"
"""Unit of scores that are no probabilities, such as a regression's."""
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
Pixels = Literal["uint8", "float", "uint8-chw", "float-chw", "uint8-flat", "float-flat"]


class Capability(StrEnum):
    """What a model offers and a method may need; ModelAdapter says which calls each allows."""

    PREDICT = "predict"  # class scores of images
    ACTIVATIONS = "activations"  # outputs of layers
    CUT = "cut"  # running only what follows a layer
    GRADIENTS = "gradients"  # of scores with respect to the image
    MODULE = "module"  # the PyTorch module itself


BLACK_BOX = frozenset({Capability.PREDICT, Capability.ACTIVATIONS})
"""What a model offers whose readout says nothing of gradients and cuts."""


class InputSpec(Plain):
    """How an image becomes the network's input: resizing, normalisation, channel order."""

    size: tuple[int, int] = Field((224, 224), description="input height and width in pixels")
    resize: Literal["squash", "crop", "letterbox"] = Field(
        "squash",
        description="squash: scale both sides to the input size; crop: scale the short side and "
        "crop the centre; letterbox: scale the long side and pad the rest",
    )
    crop: float = Field(
        0.875,
        gt=0,
        le=1,
        description="with resize=crop: input size as a share of the scaled short side",
    )
    mean: tuple[float, ...] = Field(
        IMAGENET_MEAN,
        description="mean per channel, subtracted from values in [0, 1]: three for RGB, one for a "
        "network of grey images, n for one of n channels",
    )
    std: tuple[float, ...] = Field(
        IMAGENET_STD, description="standard deviation per channel, by which values are divided"
    )
    order: Literal["RGB", "BGR"] = Field("RGB", description="channel order of the network's input")
    bands: tuple[int, ...] | None = Field(
        None,
        repr=False,  # cached answers are found by the repr, and do not depend on what is drawn
        description="channels that are drawn as red, green and blue, or one as grey, from 1; "
        "default: the first three",
    )

    @property
    def channels(self) -> int:
        """Channels C of the images (N, C, h, w) that the model is given: 3 also for grey ones."""
        return 3 if len(self.mean) == 1 else len(self.mean)

    @property
    def fill(self) -> tuple[float, ...]:
        """The colour (C,) in [0, 1] that is zero in the network's normalised input."""
        return self.mean * 3 if len(self.mean) == 1 else self.mean


class ModelOptions(Plain):
    """What the user says about a model; what is None comes from the model file or is assumed.

    ModelOptions(input={"size": (299, 299)}, classes="names.txt", device="cpu")
    """

    weights: str | None = Field(
        None,
        description="file of weights (.safetensors, .pth or a trainer's checkpoint) for a model "
        "made by a factory or named, or `random`",
    )
    input: dict[str, object] = Field(
        {}, description="fields of InputSpec that override those of the model file"
    )
    classes: str | tuple[str, ...] | None = Field(
        None,
        description="class names, or a file of them: one a line, or a .tsv with a column called "
        "name",
    )
    activation: Literal["softmax", "sigmoid", "none"] | None = Field(
        None, description="function that turns the network's scores into probabilities"
    )
    readout: str | None = Field(
        None, description="registered readout that turns the output into scores; default: classes"
    )
    readout_params: dict[str, Any] | None = Field(
        None, description="parameters of the readout that differ from their defaults"
    )
    output_name: str | None = Field(
        None, description="name of the output to read, for a file that has several"
    )
    device: str | None = Field(
        None, description="cpu, cuda or cuda:N; default: cuda where there is a GPU, else cpu"
    )
    precision: Literal["fp32", "bf16", "fp16"] = Field(
        "fp32", description="floating-point precision of forward passes"
    )
    pixels: Pixels | None = Field(
        None,
        description="form in which a function is given images: uint8 (0 to 255) or float (0 to 1), "
        "as (N, h, w, 3), with -chw as (N, 3, h, w), with -flat as (N, h * w * 3); default: uint8",
    )

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """The fields that are given, with a few of the classes."""
        given = self.model_fields_set
        return ((n, _Shown(value)) for n, value in super().__repr_args__() if n in given)

    @field_validator("classes", mode="before")
    @classmethod
    def _name_by_name(cls, value: object) -> object:
        """Any sequence of names or numbers, such as an array, as a tuple of texts."""
        if value is None or isinstance(value, str):
            return value
        return tuple(str(each) for each in value) if isinstance(value, Iterable) else value


@dataclass(frozen=True)
class _Shown:
    """A value whose representation is short."""

    value: object

    def __repr__(self) -> str:
        return short(self.value)


@dataclass(frozen=True)
class ModelSource:
    """A registered model: a source that some adapter opens, and the options to open it with."""

    source: str
    options: ModelOptions = field(default_factory=ModelOptions)


class ModelSpec(Plain):
    """A model as its adapter opened it."""

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """The fields, with a few of the classes."""
        return ((name, _Shown(value)) for name, value in super().__repr_args__())

    name: str = Field(description="name of the model in reports and messages")
    source: str = Field(description="what opens it again: registered name, file, factory, bundle")
    input: InputSpec = Field(description="size and normalisation of its input")
    activation: Literal["softmax", "sigmoid", "none"] = Field(
        description="function that turns its scores into probabilities"
    )
    classes: tuple[str, ...] = Field(
        description="names of the classes or values, in the scores' order"
    )
    readout: str = Field("classes", description="readout that turns its output into scores")
    readout_params: dict[str, Any] = Field({}, description="parameters of the readout")
    unit: str = Field("probability", description="unit of its scores, once they are activated")
    output: str | None = Field(None, description="name of the output that is read, of several")
    device: str = Field(description="device that it runs on")
    precision: str = Field("fp32", description="floating-point precision of forward passes")
    fingerprint: str = Field(description="sha256 of its weights")
    origin: str | None = Field(
        None, description="fingerprint of the model that it was exported from"
    )
    notes: tuple[str, ...] = Field((), description="assumptions and limits, one sentence each")

    @property
    def reading(self) -> tuple[str, ...]:
        """What tells two readings of one network's output apart, for keys of cached scores.

        Empty for softmax over the classes of the one output, so that older keys stay valid.
        """
        usual = self.readout == "classes" and self.activation == "softmax" and self.output is None
        if usual:
            return ()
        params = [f"{key}={value}" for key, value in sorted(self.readout_params.items())]
        return (self.readout, *params, self.output or "", self.activation, *self.classes)


class ReceptiveField(Plain):
    """Receptive field of a layer's grid cells, as (y, x) in pixels of the network's input."""

    size: tuple[float, float] = Field(description="height and width of one cell's field")
    stride: tuple[float, float] = Field(description="distance between neighbouring fields")
    offset: tuple[float, float] = Field(description="centre of the first cell's field")


class Layer(Plain):
    """A layer of a model: a place where it can be read and cut."""

    name: str = Field(description="name of the module or graph node")
    kind: str = Field(description="type of the module or node, such as Conv2d")
    layout: Literal["NCHW", "NHWC", "tokens", "vector", "other"] = Field(
        description="shape of the output: (N, C, h, w), (N, h, w, C), (N, T, C), (N, C), or "
        "another one, such as attention between tokens"
    )
    channels: int = Field(description="number of channels C")
    grid: tuple[int, int] | None = Field(
        None, description="cells (h, w) that follow the image; None where there are none"
    )
    prefix: int = Field(
        0, description="leading tokens that are no cells, such as a class token or registers"
    )
    field: ReceptiveField | None = Field(
        None, description="receptive field of the cells; None where it cannot be computed"
    )
    cost_after: float | None = Field(
        None, description="share of the network's multiply-adds after this layer, 0 to 1"
    )
    cut: Literal["graph", "hooks", "none"] = Field(
        description="how the model is split here: graph: only what follows is run; hooks: the "
        "whole model is run again; none: not at all"
    )
