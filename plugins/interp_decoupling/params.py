"""Decoupling's parameters: published values, and ours where nothing is published."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from interp.gallery import PICTURES, Pictures
from interp.params import LOCAL
from interp.training.schedule import ScheduledParams, rate_factor, schedules
from interp_decoupling.concept import Joined
from interp_decoupling.control import Start

Name = Annotated[str, Field(coerce_numbers_to_str=True)]
"""Name of a layer; a number in a sequence, which the command line reads as a number."""
SCHEDULES = schedules(
    "short",
    "small",
    "large",
    epochs=(8, 200, 120),
    batch_size=(64, 128, 256),
    rate=(0.02, 0.1, 0.01),
    control_rate=(0.1, 0.1, 0.01),
    drops=((0.6, 0.85), (0.5, 0.75), (0.25, 0.5, 0.75)),
    pad=(4, 4, 16),
    start=("standard", "kaiming", "zero"),
    information=(0.05, 0.01, 0.005),
    sparsity=(0.008, 1.5e-4, 0.01),
    distillation=(0.25, 0.0, 0.0),
    kept=(0.59, 0.0, 0.6),
)
"""All start from a trained plain network. short is ours: nearly all filters are on at first, and
the modules learn faster than the network (docs/decoupling.md). small: a released recipe for
ResNet-56 on CIFAR-10, whose constructor draws the modules' linear layers anew (kaiming). large: one
for ResNet-18 on ImageNet, where W1 stays 0, with pad (ours) in place of crops of random size.
"""


class DecouplingParams(ScheduledParams):
    """Training follows `schedule`; what is given explicitly takes precedence."""

    SCHEDULES: ClassVar = SCHEDULES

    layer: tuple[Name, ...] = Field(
        (), description="convolutions to control; default: all but the stem, grouped and last ones"
    )
    gate: bool = Field(True, description="off: train the plain twin, without controlling modules")
    schedule: Literal["short", "small", "large"] = Field(
        "short",
        description="defaults: ours for a few epochs, or the authors' for a small or large network",
    )
    fresh: bool = Field(False, description="train from scratch, from newly drawn weights")
    reduction: int = Field(
        4, ge=1, description="inputs of a controlling module per hidden unit (released: 4)"
    )
    start: Start | None = Field(
        None,
        description="a module's first weights; zero: one path for all images at first; open: "
        "nearly all filters on; standard: as open, with inputs divided by their spread over "
        "images; default: the schedule's",
    )
    mixture: Literal["samples", "channels", "hard", "soft"] = Field(
        "samples",
        description="where codes are binary in a training step: on half of the images, for "
        "filters drawn for all images (an earlier release), everywhere, nowhere",
    )
    noise: float = Field(
        1.0, ge=0, description="standard deviation of the noise on scores in training (released: 1)"
    )
    order: Literal["maps", "codes"] = Field(
        "maps", description="what comes first in the alignment's KL divergence (released: both)"
    )
    alignment: float = Field(1.0, ge=0, description="weight of the alignment loss")
    information: float | None = Field(
        None, ge=0, description="weight of the mutual information loss; default: the schedule's"
    )
    sparsity: float | None = Field(
        None, ge=0, description="weight of the sparsity loss; default: the schedule's"
    )
    distillation: float | None = Field(
        None,
        ge=0,
        description="weight of the plain network's answers as a goal (ours), unless fresh; "
        "default: the schedule's",
    )
    kept: float | None = Field(
        None, ge=0, le=1, description="share of filters on to aim at; default: the schedule's"
    )
    epochs: int | None = Field(None, ge=1, description="default: the schedule's")
    batch_size: int | None = Field(None, ge=2, description="default: the schedule's")
    rate: float | None = Field(None, gt=0, description="learning rate; default: the schedule's")
    control_rate: float | None = Field(
        None,
        gt=0,
        description="learning rate of the modules' second layers; default: the schedule's",
    )
    drops: tuple[float, ...] | None = Field(
        None, description="shares of the epochs after which rates are divided by ten"
    )
    decay: float = Field(1e-4, ge=0, description="weight decay (released: 1e-4)")
    flip: bool = Field(True, description="mirror half of the training images at random")
    pad: int | None = Field(
        None, ge=0, description="shift images by up to this many pixels; default: the schedule's"
    )
    holdout: float = Field(
        0.1, gt=0, lt=1, description="share of each class held out of training, to measure on"
    )
    references: int = Field(
        200, ge=2, description="most held-out images whose paths to keep for comparison"
    )
    static: float = Field(
        0.005, ge=0, description="diversity below which to warn that the gates are static"
    )
    devices: int = Field(
        1,
        ge=1,
        json_schema_extra=LOCAL,
        description="devices to train on, one data-parallel process each",
    )
    nodes: int = Field(
        1,
        ge=1,
        json_schema_extra=LOCAL,
        description="machines to train on, each with that many devices; the command runs on each",
    )
    neighbours: int = Field(6, ge=1, description="nearest images by path to show")
    filters: int = Field(3, ge=1, description="filters of a layer whose maps to show")
    depth: int = Field(4, ge=1, description="layers along the path whose filters to show")
    concept_layer: Name | None = Field(
        None, description="controlled layer to compare with part masks; default: the last"
    )
    concepts: str | None = Field(
        None,
        json_schema_extra=LOCAL,
        description='JSON file {concept: {class: value}}, as {"head": {"arbo": "round"}}',
    )
    surveyed: int = Field(
        500, ge=2, description="images whose maps to compare with masks in survey"
    )
    combination: int = Field(4, ge=2, description="most filters in a combination")
    top: float = Field(
        0.1, gt=0, lt=1, description="share of a filter's cells that count as active"
    )
    joined: Joined = Field(
        "mean",
        description="a combination's cells: top of its filters' mean, or union of their tops",
    )
    pictures: Pictures = Field(
        "examples",
        description="survey's pictures of the filters of concept_layer that tell the classes apart "
        f"best; {PICTURES}",
    )
    timed: int = Field(10, ge=0, description="images to time one by one in survey; 0: none")

    def rates_at(self, epoch: int) -> tuple[float, float]:
        """An epoch's learning rates of the network and the gates, of parameters without gaps."""
        factor = rate_factor(epoch, self.epochs or 0, self.drops or ())
        return (self.rate or 0.0) * factor, (self.control_rate or 0.0) * factor
