"""What is trained, as a method tells it to the loop, and how long and on what."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from interp.training.variation import Variation

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer


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
