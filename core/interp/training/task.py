"""What is trained, as a method tells it to the loop, and how long and on what."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from interp.engine.random import content_key
from interp.errors import InputError
from interp.params import Params
from interp.training.variation import Variation

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from interp.context import Context
    from interp.dataset import Dataset
    from interp.model import ModelAdapter

Given = TypeVar("Given", bound=Params)


@dataclass(frozen=True)
class Plan:
    """How long, how many images at a time, and where. `key` names the training among others."""

    epochs: int
    batch_size: int
    key: str
    seed: int = 0
    device: str = "cpu"
    devices: int = 1
    precision: str = "fp32"
    variation: Variation = field(default_factory=Variation)

    @classmethod
    def of(
        cls,
        method: str,
        model: ModelAdapter,
        dataset: Dataset,
        params: Any,
        later: Collection[str],
        context: Context,
    ) -> Plan:
        """The plan for parameters that name epochs, batch_size, devices, flip and perhaps pad.

        `later` names parameters that may change before an interrupted training goes on.
        """
        spec, facts = model.spec, params.model_dump(exclude=set(later))
        return cls(
            epochs=params.epochs,
            batch_size=params.batch_size,
            key=content_key(method, spec.fingerprint, dataset.fingerprint, context.seed, facts),
            seed=context.seed,
            device=spec.device,
            devices=params.devices,
            precision=spec.precision,
            variation=Variation(params.flip, getattr(params, "pad", 0)),
        )


def run_params(params: Given, context: Context) -> Given:
    """Parameters with the run's batch size where it has one; InputError for a run in parts."""
    if context.budget.shard is not None:
        raise InputError(
            "a training is not learned in parts; leave out --shard, or train on several devices "
            "with --devices"
        )
    size = context.budget.batch_size
    if size is None:
        return params
    try:
        return type(params).model_validate({**params.model_dump(), "batch_size": size})
    except ValidationError as error:
        raise InputError(f"--batch-size {size}: {error.errors()[0]['msg'].lower()}") from error


asked = run_params


def forget(network: nn.Module, seed: int) -> None:
    """Every part's weights drawn anew by its own rule; torch's global generator is put back."""
    import torch

    device = next(network.parameters()).device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        for part in network.modules():
            reset = getattr(part, "reset_parameters", None)
            if callable(reset):
                reset()


class Task(ABC):
    """Modules, their optimisers, the loss of a batch, and what is measured after an epoch."""

    modules: dict[str, nn.Module]
    optimizers: dict[str, Optimizer]

    def begin(self, epoch: int) -> list[str]:
        """Set the learning rates of an epoch; the optimisers that step in it."""
        return list(self.optimizers)

    @abstractmethod
    def losses(
        self, epoch: int, modules: dict[str, Any], images: Tensor, labels: Tensor
    ) -> dict[str, Tensor]:
        """Numbers of a batch; `loss` is what goes down. `modules` are as Fabric wrapped them."""

    def stepped(self, epoch: int) -> None:  # noqa: B027 - most tasks have none
        """After every step, for projections."""

    def measure(self, epoch: int) -> dict[str, Any]:
        """What the log says after an epoch beside the mean losses; plain values."""
        return {}
