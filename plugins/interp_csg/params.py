"""CSG's parameters: published values, and ours where nothing is published."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from interp.gallery import PICTURES, Pictures
from interp.params import LOCAL
from interp.training.schedule import ScheduledParams, rate_factor, schedules

SCHEDULES = schedules(
    "short",
    "small",
    "large",
    epochs=(19, 150, 151),
    batch_size=(64, 256, 32),
    warm_up=(0, 0, 10),
    train=((), (), ("layer3", "layer4", "fc")),
    gated_train=((), (), ("layer4", "fc")),
    optimizers=("shared", "shared", "own"),
    optimizer=("adam", "sgd", "adam"),
    rate=(1e-3, 0.1, 1e-5),
    gated_rate=(3e-3, 0.1, 1e-3),
    gate_rate=(0.02, 0.02, 1e-3),
    decay=(1e-4, 1e-4, 0.0),
    drops=((0.75,), (0.4, 0.6, 0.8), (0.397, 0.596, 0.794)),
    pad=(4, 4, 16),
)
"""short is ours, and so is the gate_rate of small. small: rates, epochs and batches of the authors'
earlier recipe for ResNet-20 on CIFAR-10 from scratch, in the released pattern of epochs. large:
the released recipe for a pretrained ResNet-152 on VOC-Part: each kind of epoch has parts to train
and an optimiser of its own, whose rate drops after 60, 90 and 120 of its own epochs (so that of
gated epochs, 47 in all, never does). The released g is 0.2 of the matrix for 6 classes, which is a
sparsity of 1.2.
"""


class CsgParams(ScheduledParams):
    """Training follows `schedule`; what is given explicitly takes precedence."""

    SCHEDULES: ClassVar = SCHEDULES

    layer: str | None = Field(
        None, description="maps to gate; default: the last ones before global pooling"
    )
    gate: bool = Field(True, description="off: train the plain twin, with standard epochs only")
    schedule: Literal["short", "small", "large"] = Field(
        "short",
        description="defaults for a small trained network, a small one from scratch, or a large "
        "trained one",
    )
    fresh: bool = Field(False, description="train from scratch, from newly drawn weights")
    new_head: bool = Field(
        False, description="replace the last linear layer by one for the data's classes"
    )
    train: tuple[str, ...] | None = Field(
        None,
        description="parts of the network to train, e.g. layer4; default: the schedule's, which "
        "are all but in large, where they are a ResNet's last ones",
    )
    gated_train: tuple[str, ...] | None = Field(
        None,
        description="parts of the network to train in gated epochs, with optimizers=own; default: "
        "the schedule's, or those of train",
    )
    optimizers: Literal["shared", "own"] | None = Field(
        None,
        description="the network's optimiser: shared by both kinds of epoch, or one of its own for "
        "each, whose rate drops after shares of its own epochs; default: the schedule's",
    )
    epochs: int | None = Field(None, ge=1, description="default: the schedule's")
    batch_size: int | None = Field(None, ge=2, description="default: the schedule's")
    period: int = Field(3, ge=1, description="epochs after which the pattern repeats")
    phase: int = Field(
        2, ge=0, description="an epoch is gated where its number modulo period is this or more"
    )
    warm_up: int | None = Field(
        None, ge=0, description="first epochs that are never gated; default: the schedule's"
    )
    sparsity: float = Field(
        1.2,
        ge=1,
        description="g / filters: the L1 norm of the gates above which they are penalised",
    )
    penalty: float = Field(1e-3, ge=0, description="weight of the hinge-L1 penalty on the gates")
    optimizer: Literal["sgd", "adam"] | None = Field(
        None, description="the network's: Nesterov SGD or Adam; default: the schedule's"
    )
    rate: float | None = Field(
        None, gt=0, description="learning rate in standard epochs; default: the schedule's"
    )
    gated_rate: float | None = Field(
        None, gt=0, description="the network's rate in gated epochs; default: the schedule's"
    )
    gate_optimizer: Literal["adam", "sgd"] = Field(
        "adam", description="the gates'; plain SGD moves them by penalty times rate a step"
    )
    gate_rate: float | None = Field(
        None,
        gt=0,
        description="learning rate of the gates; default: the schedule's, higher for few steps",
    )
    decay: float | None = Field(
        None, ge=0, description="weight decay of the network; default: the schedule's"
    )
    drops: tuple[float, ...] | None = Field(
        None,
        description="shares of the epochs after which rates are divided by ten; default: the "
        "schedule's",
    )
    flip: bool = Field(True, description="mirror half of the training images at random")
    pad: int | None = Field(
        None, ge=0, description="shift images by up to this many pixels; default: the schedule's"
    )
    holdout: float = Field(
        0.1, gt=0, lt=1, description="share of each class held out of training, to measure on"
    )
    measured: int = Field(
        500, ge=2, description="held-out images for the log's mutual information, at most"
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
    own: float = Field(
        0.5, gt=0, le=1, description="gate from which a filter counts as the class's own"
    )
    filters: int = Field(5, ge=1, description="filters whose maps to show on an image")
    pictures: Pictures = Field(
        "examples", description=f"survey's pictures of each class's first filter; {PICTURES}"
    )

    def gated(self, epoch: int) -> bool:
        """Whether an epoch is gated."""
        return self.gate and epoch >= (self.warm_up or 0) and epoch % self.period >= self.phase

    def rate_at(self, epoch: int) -> float:
        """The network's learning rate in an epoch, of parameters without gaps."""
        base = self.gated_rate if self.gated(epoch) else self.rate
        if self.optimizers == "own":
            kind = self.gated(epoch)
            epoch = sum(self.gated(each) == kind for each in range(epoch))
        return (base or 0.0) * rate_factor(epoch, self.epochs or 0, self.drops or ())
