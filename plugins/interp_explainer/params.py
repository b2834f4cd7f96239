"""The explainer's parameters: what the record says, and what is ours where it is silent."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from interp.params import Params
from interp_explainer.template import Peak

NormKind = Literal["batch", "running"]
"""Whose mean a norm divides by while learning."""


class ExplainerParams(Params):
    """Learning: what is read and rebuilt, the loss, the schedule. Explaining: what is shown.

    beta and argmax are the interpretable CNN's; every other default is ours.
    """

    layer: str | None = Field(
        None,
        description="maps that are explained; default: found in VGG-like networks, the last "
        "rectified map but one",
    )
    decode: tuple[str, ...] = Field(
        (),
        description="later layers that are rebuilt from the parts; default: the two hidden "
        "vectors, or the last map and its mean",
    )
    parts: int | None = Field(
        None, ge=1, description="filters of each track; default: as many as the performer's maps"
    )
    start: Literal["drawn", "scaled", "copied"] = Field(
        "drawn",
        description="first weights: from the seed; from the seed for maps and features in units of "
        "their own size; or the performer's next convolution and fully connected layers (PyTorch, "
        "VGG-like)",
    )
    beta: float = Field(4.0, gt=0, description="steepness of a mask: 0 at n / beta cells away")
    peak: Peak = Field(
        "argmax", description="where a mask is centred: largest cell, or centre of mass"
    )
    pool: Literal["first", "last"] = Field(
        "first", description="both tracks are pooled before their norm, or after it"
    )
    norm: NormKind = Field(
        "batch",
        description="what norms divide by while learning: the batch's mean, with its gradient, or "
        "the running one, a constant. With that the weights of a track that helps little shrink "
        "until its filters are dead",
    )
    momentum: float = Field(
        0.1, gt=0, le=1, description="share of each batch in the norms' running means"
    )
    least: float = Field(
        0.01,
        ge=0,
        description="least that a norm divides by, over its filters' mean: one that hardly ever "
        "fires is not blown up when it does",
    )
    spread: float = Field(
        0.01,
        ge=0,
        description="standard deviation of the second part layer's first weights about the "
        "identity",
    )
    level: float = Field(
        100.0,
        gt=0,
        description="mean peak that maps are scaled to inside the filter loss; twice as much is "
        "the same as twice the templates' tau",
    )
    nowhere: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="prior probability that a filter's part is nowhere in an image; default: that "
        "of each place",
    )
    shaped: Literal["both", "second"] = Field(
        "both", description="filters that the filter loss shapes: of which part layers"
    )
    filter_share: float = Field(
        0.5,
        ge=0,
        description="size of the filter loss's gradient at the part maps, over the "
        "reconstruction's. 0: no filter loss",
    )
    filter_decay: float = Field(
        0.0,
        ge=0,
        description="the share falls as 1 / epoch to this power; 1 is the interpretable CNN's way",
    )
    contribution: float = Field(
        0.1, ge=0, description="eta: weight of -log p, which asks for features through parts"
    )
    warm_up: int = Field(
        3,
        ge=0,
        description="epochs of reconstruction alone; the filter loss follows, and after as many "
        "epochs again -log p. 0: all at once, the record's way",
    )
    epochs: int = Field(20, ge=1, description="passes over the images")
    batch_size: int = Field(
        64, ge=2, description="images of a step; the filter loss compares images within one"
    )
    rate: float = Field(1e-3, gt=0, description="Adam's learning rate, falling as a cosine")
    decoder_rate: float | None = Field(
        None, gt=0, description="the decoder's own; default: rate. A copied one wants less"
    )
    p_rate: float = Field(1e-2, gt=0, description="that of p, one number with a way to go")
    flip: bool = Field(True, description="mirror half of the training images")
    crop: float | None = Field(
        None,
        gt=0,
        description="cut images to a square about their largest object, its side so many times "
        "the box's longer one; images without a box are left out",
    )
    holdout: float = Field(0.1, gt=0, lt=1, description="share of images that is only measured on")
    devices: int = Field(1, ge=1, description="devices to train on, by data-parallel processes")
    filters: int = Field(6, ge=1, description="filters whose maps are shown on an image")
    gallery: int = Field(12, ge=1, description="filters in survey's gallery")
    examples: int = Field(4, ge=1, description="images for each of them")
    looked_at: int = Field(500, ge=2, description="images that survey looks through, at most")

    def shapes(self, epoch: int) -> bool:
        """Whether the filter loss counts in an epoch."""
        return self.filter_share > 0 and epoch >= self.warm_up

    def share_at(self, epoch: int) -> float:
        """The filter loss's share of the gradient in an epoch in which it counts."""
        return float(self.filter_share / (epoch - self.warm_up + 1) ** self.filter_decay)

    def contribution_at(self, epoch: int) -> float:
        """eta in an epoch."""
        return self.contribution if epoch >= 2 * self.warm_up else 0.0

    def fall(self, epoch: int) -> float:
        """What learning rates are multiplied by, from 1 towards 0."""
        return 0.5 * (1 + math.cos(math.pi * epoch / self.epochs))
