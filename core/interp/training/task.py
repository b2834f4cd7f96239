"""A training task: modules, optimisers and losses; and its plan: how long and on what device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from interp.context import Context
from interp.dataset import Dataset
from interp.engine.random import content_key
from interp.errors import InputError
from interp.model import ModelAdapter
from interp.params import Params
from interp.training.variation import Variation

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
    from torch.optim import Optimizer

Given = TypeVar("Given", bound=Params)


@dataclass(frozen=True)
class Plan:
    """Epochs, batch size, devices and precision. `key` identifies the training when it resumes."""

    epochs: int
    batch_size: int
    key: str
    seed: int = 0
    device: str = "cpu"
    devices: int = 1
    """Devices of each machine."""
    nodes: int = 1
    """Machines."""
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
        """The plan for parameters that name epochs, batch_size, devices, flip, perhaps nodes, pad.

        `later` names parameters that may change before an interrupted training goes on.
        """
        spec, nodes = model.spec, getattr(params, "nodes", 1)
        alone = {"nodes"} if nodes == 1 else set()  # as before there was this parameter
        facts = params.model_dump(exclude={*later, *alone})
        return cls(
            epochs=params.epochs,
            batch_size=params.batch_size,
            key=content_key(method, spec.fingerprint, dataset.fingerprint, context.seed, facts),
            seed=context.seed,
            device=spec.device,
            devices=params.devices,
            nodes=nodes,
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


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global generators, on the CPU and this device, and restore them at the end."""
    import torch

    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def reset_parameters(network: nn.Module, seed: int) -> None:
    """Draw every part's weights anew by its own rule."""
    with seeded(seed, next(network.parameters()).device):
        for part in network.modules():
            reset = getattr(part, "reset_parameters", None)
            if callable(reset):
                reset()


class Task(ABC):
    """Modules, their optimisers, the loss of a batch, and what is measured after an epoch."""

    modules: dict[str, nn.Module]
    optimizers: dict[str, Optimizer]

    def begin(self, epoch: int) -> list[str]:
        """Set an epoch's learning rates; returns the names of the optimisers that step in it."""
        return list(self.optimizers)

    @abstractmethod
    def losses(
        self, epoch: int, modules: dict[str, Any], images: Tensor, labels: Tensor
    ) -> dict[str, Tensor]:
        """A batch's losses by name; `loss` is minimised. `modules` are as Fabric wrapped them."""

    def stepped(self, epoch: int) -> None:  # noqa: B027 - most tasks have none
        """Called after every step, for projections."""

    def measure(self, epoch: int) -> dict[str, Any]:
        """What the log records after an epoch beside the mean losses, as plain values."""
        return {}
