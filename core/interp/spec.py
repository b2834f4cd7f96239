"""What is known of a model without running it, in plain types: input, classes, layers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Capability(StrEnum):
    """What a model offers and a method may need."""

    PREDICT = "predict"
    ACTIVATIONS = "activations"
    CUT = "cut"
    GRADIENTS = "gradients"
    MODULE = "module"


class Plain(BaseModel):
    """A frozen record that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class InputSpec(Plain):
    """How an image becomes the network's input."""

    size: tuple[int, int] = Field((224, 224), description="height and width in pixels")
    resize: Literal["squash", "crop", "letterbox"] = Field(
        "squash",
        description="squash both sides; scale the short side and crop the centre; "
        "or scale the long side and pad",
    )
    crop: float = Field(
        0.875, gt=0, le=1, description="resize=crop: the size's share of the scaled short side"
    )
    mean: tuple[float, ...] = Field(IMAGENET_MEAN, description="subtracted from RGB in [0, 1]")
    std: tuple[float, ...] = Field(IMAGENET_STD, description="divides what is left")
    order: Literal["RGB", "BGR"] = Field("RGB", description="the network's channel order")


class ModelOptions(Plain):
    """What the user says about a model file; what is None is taken from the file or guessed."""

    weights: str | None = Field(None, description=".safetensors or .pth file for a factory")
    input: dict[str, object] = Field({}, description="fields of InputSpec that override the file's")
    classes: str | None = Field(None, description="file of class names, one a line, or .tsv")
    activation: Literal["softmax", "sigmoid", "none"] | None = Field(
        None, description="what turns the network's scores into probabilities"
    )
    device: str | None = Field(None, description="cpu, cuda, cuda:1; default: cuda when present")
    precision: Literal["fp32", "bf16", "fp16"] = Field("fp32", description="of forward passes")


@dataclass(frozen=True)
class ModelSource:
    """A registered model: a source that some adapter opens, and the options to open it with."""

    source: str
    options: ModelOptions = field(default_factory=ModelOptions)


class ModelSpec(Plain):
    """A model as its adapter opened it."""

    name: str
    source: str = Field(description="what opens it again: registry name, file, factory, bundle")
    input: InputSpec
    activation: Literal["softmax", "sigmoid", "none"]
    classes: tuple[str, ...]
    device: str
    precision: str = "fp32"
    fingerprint: str = Field(description="sha256 of the weights")
    origin: str | None = Field(None, description="fingerprint of the model it was exported from")
    notes: tuple[str, ...] = Field((), description="guesses and limits the user should know")


class ReceptiveField(Plain):
    """The input pixels that a grid cell sees, in pixels of the network's input, as (y, x)."""

    size: tuple[float, float]
    stride: tuple[float, float]
    offset: tuple[float, float] = Field(description="centre of the first cell")


class Layer(Plain):
    """One place where a model can be read and cut."""

    name: str
    kind: str = Field(description="the module's or node's type, e.g. Conv2d")
    layout: Literal["NCHW", "tokens", "vector"]
    channels: int
    grid: tuple[int, int] | None = Field(
        None, description="cells (h, w); None for vectors and for tokens that are no grid"
    )
    field: ReceptiveField | None = Field(None, description="None where it cannot be computed")
    cost_after: float | None = Field(
        None, description="share of the network's multiply-adds that follow, 0 to 1"
    )
    cut: Literal["graph", "hooks", "none"] = Field(
        description="how the model is split here: exactly, by re-running it whole, or not at all"
    )


def grid_of(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Cells (h, w); tokens are a square, after a class token where one is in front."""
    if len(shape) == 4:
        return (shape[2], shape[3])
    if len(shape) == 3:
        for count in (shape[1], shape[1] - 1):
            side = math.isqrt(count)
            if side > 1 and side * side == count:
                return (side, side)
    return None
