"""Decoupling's parameters: published values, and ours where nothing is published."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from interp.training.schedule import ScheduledParams, rate_factor
from interp_decoupling.concept import Joined
from interp_decoupling.control import Start

Name = Annotated[str, Field(coerce_numbers_to_str=True)]
"""Name of a layer; a number in a sequence, which the command line reads as a number."""
SCHEDULES: dict[str, dict[str, Any]] = {
    "short": {
        "epochs": 8,
        "batch_size": 64,
        "rate": 0.02,
        "control_rate": 0.1,
        "drops": (0.6, 0.85),
        "pad": 4,
        "start": "standard",
        "information": 0.05,
        "sparsity": 0.008,
        "distillation": 0.25,
        "kept": 0.59,
    },
    "small": {
        "epochs": 200,
        "batch_size": 128,
        "rate": 0.1,
        "control_rate": 0.1,
        "drops": (0.5, 0.75),
        "pad": 4,
        "start": "zero",
        "information": 0.01,
        "sparsity": 1.5e-4,
        "distillation": 0.0,
        "kept": 0.0,
    },
    "large": {
        "epochs": 120,
        "batch_size": 256,
        "rate": 0.01,
        "control_rate": 0.01,
        "drops": (0.25, 0.5, 0.75),
        "pad": 16,
        "start": "zero",
        "information": 0.005,
        "sparsity": 0.01,
        "distillation": 0.0,
        "kept": 0.6,
    },
}
"""All begin with a trained plain network. short is ours: filters are nearly all on at first, and
the modules learn faster than the network (docs/decoupling.md). small: a released recipe for
ResNet-56 on CIFAR-10; large: for ResNet-18 on ImageNet; ours there: pad, where the recipe crops at
random sizes.
"""


class DecouplingParams(ScheduledParams):
    """Training follows `schedule`; what is given explicitly takes precedence."""

    SCHEDULES: ClassVar[dict[str, dict[str, Any]]] = SCHEDULES

    layer: tuple[Name, ...] = Field(
        (), description="convolutions to control; default: all but stem, grouped, answering ones"
    )
    gate: bool = Field(
        True, description="off: the plain twin, trained alike without controlling modules"
    )
    schedule: Literal["short", "small", "large"] = Field(
        "short",
        description="defaults: ours for a few epochs, or the authors' for a small or large network",
    )
    fresh: bool = Field(False, description="forget the weights first: train from scratch")
    reduction: int = Field(
        4, ge=1, description="a module's inputs for each of its hidden units (released: 4)"
    )
    start: Start | None = Field(
        None,
        description="of a module's first weights; zero: one path for all images at first; "
        "open: nearly all filters on; standard: that, and for inputs in units of their spread over "
        "images; default: the schedule's",
    )
    mixture: Literal["samples", "channels", "hard", "soft"] = Field(
        "samples",
        description="where a training step's codes are binary: half of the images, or "
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
        description="weight of the plain network's own answers as a goal (ours), unless fresh; "
        "default: as above",
    )
    kept: float | None = Field(
        None, ge=0, le=1, description="share of filters on that sparsity aims at; default: as above"
    )
    epochs: int | None = Field(None, ge=1, description="default: the schedule's")
    batch_size: int | None = Field(None, ge=2, description="default: the schedule's")
    rate: float | None = Field(None, gt=0, description="learning rate; default: the schedule's")
    control_rate: float | None = Field(
        None, gt=0, description="of the modules' second layers; default: the schedule's"
    )
    drops: tuple[float, ...] | None = Field(
        None, description="shares of the epochs after which the rate falls to a tenth"
    )
    decay: float = Field(1e-4, ge=0, description="weight decay (released: 1e-4)")
    flip: bool = Field(True, description="mirror half of the training images")
    pad: int | None = Field(
        None, ge=0, description="shift them by up to so many pixels; default: the schedule's"
    )
    holdout: float = Field(
        0.1, gt=0, lt=1, description="share of each class that is only measured on"
    )
    references: int = Field(
        200, ge=2, description="held-out images whose paths are kept to compare with, at most"
    )
    static: float = Field(
        0.005, ge=0, description="diversity below which fit warns that the gates are static"
    )
    devices: int = Field(1, ge=1, description="devices to train on, by data-parallel processes")
    neighbours: int = Field(6, ge=1, description="nearest images by path that are shown")
    filters: int = Field(3, ge=1, description="filters of a layer whose maps are shown")
    depth: int = Field(4, ge=1, description="layers along the path whose filters are shown")
    concept_layer: Name | None = Field(
        None, description="controlled layer whose filters meet part masks; default: the last"
    )
    concepts: str | None = Field(
        None, description='JSON file {concept: {class: value}}, as {"head": {"arbo": "round"}}'
    )
    surveyed: int = Field(500, ge=2, description="images whose maps survey compares with masks")
    combination: int = Field(4, ge=2, description="filters of a combination, at most")
    top: float = Field(
        0.1, gt=0, lt=1, description="share of a filter's cells that count as its own"
    )
    joined: Joined = Field(
        "mean", description="its cells: the top of its filters' mean, or the union of their tops"
    )
    timed: int = Field(10, ge=0, description="images that survey times one by one; 0: none")

    def rates_at(self, epoch: int) -> tuple[float, float]:
        """An epoch's learning rates of the network and the gates, of parameters without gaps."""
        factor = rate_factor(epoch, self.epochs or 0, self.drops or ())
        return (self.rate or 0.0) * factor, (self.control_rate or 0.0) * factor
