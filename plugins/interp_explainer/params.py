"""The explainer's parameters: those on record, and ours where the record is silent."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from interp.params import LOCAL, Params
from interp_explainer.template import Peak

NormKind = Literal["batch", "running"]
"""Whose mean a norm divides by during training."""


class ExplainerParams(Params):
    """Parameters of fitting (layers, loss, schedule) and of explaining (what is shown).

    beta and argmax are the interpretable CNN's; every other default is ours.
    """

    layer: str | None = Field(
        None,
        description="layer whose maps are explained; default: found in VGG-like networks, the "
        "last rectified map but one",
    )
    decode: tuple[str, ...] = Field(
        (),
        description="later layers that are rebuilt from the parts; default: the two hidden "
        "vectors, or the last map and its mean",
    )
    parts: int | None = Field(
        None, ge=1, description="filters of each track; default: the performer's number of maps"
    )
    start: Literal["drawn", "scaled", "copied"] = Field(
        "drawn",
        description="initial weights: random; random, with maps and features scaled to a root "
        "mean square of 1; or copied from the performer's next convolution and fully connected "
        "layers (PyTorch, VGG-like)",
    )
    beta: float = Field(
        4.0, gt=0, description="steepness of a mask, which is 0 from n / beta cells away"
    )
    peak: Peak = Field("argmax", description="centre of a mask: largest cell, or centre of mass")
    pool: Literal["first", "last"] = Field(
        "first", description="pool both tracks before their norm, or after it"
    )
    norm: NormKind = Field(
        "batch",
        description="divisor of norms during training: the batch's mean, with its gradient, or the "
        "running mean, with which the filters of a track that helps little can die out",
    )
    momentum: float = Field(
        0.1, gt=0, le=1, description="share of each batch in the norms' running means"
    )
    least: float = Field(
        0.01, ge=0, description="smallest divisor of a norm, as a share of its filters' mean"
    )
    spread: float = Field(
        0.01, ge=0, description="spread of the second part layer's initial weights around identity"
    )
    level: float = Field(
        100.0,
        gt=0,
        description="mean peak of maps inside the filter loss; twice as much doubles tau",
    )
    nowhere: float | None = Field(
        None, gt=0, lt=1, description="prior probability of no part; default: that of each place"
    )
    shaped: Literal["both", "second"] = Field(
        "both", description="part layers whose filters the filter loss shapes"
    )
    filter_share: float = Field(
        0.5,
        ge=0,
        description="gradient norm of the filter loss at the part maps, relative to that of the "
        "reconstruction loss; 0: no filter loss",
    )
    filter_decay: float = Field(
        0.0, ge=0, description="filter share falls as 1 / epoch to this; interpretable CNN: 1"
    )
    contribution: float = Field(
        0.1, ge=0, description="eta: weight of -log p, which favours features through parts"
    )
    warm_up: int = Field(
        3,
        ge=0,
        description="epochs with the reconstruction loss alone; the filter loss is added after "
        "them, and -log p after as many again. 0: all from the start, as on record",
    )
    epochs: int = Field(20, ge=1, description="passes over the images")
    batch_size: int = Field(
        64, ge=2, description="images per step; the filter loss compares images within one"
    )
    rate: float = Field(1e-3, gt=0, description="Adam's learning rate, falling as a cosine")
    decoder_rate: float | None = Field(
        None, gt=0, description="learning rate of the decoder (lower if copied); default: rate"
    )
    p_rate: float = Field(1e-2, gt=0, description="learning rate of p")
    flip: bool = Field(True, description="mirror half of the training images")
    crop: float | None = Field(
        None,
        gt=0,
        description="crop images to a square around their largest object, its side this many "
        "times the box's longer side; images without a box are left out",
    )
    holdout: float = Field(
        0.1, gt=0, lt=1, description="share of images held out to measure errors on"
    )
    devices: int = Field(
        1,
        ge=1,
        json_schema_extra=LOCAL,
        description="devices to train on, by data-parallel processes",
    )
    nodes: int = Field(
        1,
        ge=1,
        json_schema_extra=LOCAL,
        description="machines to train on, each with that many devices; the command runs on each",
    )
    filters: int = Field(6, ge=1, description="number of filters whose maps are shown on an image")
    gallery: int = Field(12, ge=1, description="number of filters in survey's gallery")
    examples: int = Field(4, ge=1, description="number of images for each of them")
    looked_at: int = Field(500, ge=2, description="largest number of images that survey reads")
