"""The bridge to Captum: its modules, and a target's score as the function that Captum asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from interp.context import Context
from interp.errors import PluginError
from interp.model import ModelAdapter, Output
from interp.target import Target

if TYPE_CHECKING:
    from torch import Tensor, nn

BATCH = 16
"""Images in one pass where the budget names no batch size."""


def captum(part: str = "attr") -> ModuleType:
    """Captum's module of that name; PluginError where Captum is not installed."""
    try:
        return import_module(f"captum.{part}")
    except ImportError as error:
        raise PluginError(
            "Captum, which this needs, cannot be imported; pip install 'interp[captum]'"
        ) from error


@dataclass(eq=False)
class Score:
    """The target's score (N,) of images (N, 3, h, w).

    Every call reports progress, and raises Cancelled once the user has asked to stop.
    """

    model: ModelAdapter
    target: Target
    output: Output
    context: Context
    count: int = 0
    """Images scored so far."""
    total: int | None = None
    """Images that will be scored."""

    @property
    def batch(self) -> int:
        """Images that one pass may take."""
        return self.context.budget.batch_size or BATCH

    def without_gradient(self, images: Tensor) -> Tensor:
        """Scores by the model's `predict`, not recorded for autograd."""
        return self._select(self.model.predict, images)

    def with_gradient(self, images: Tensor) -> Tensor:
        """Scores by the model's `forward`, recorded for autograd."""
        return self._select(self.model.forward, images)

    def _select(self, run: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        self.context.out_of_time()
        found = self.target.select(self.model.probabilities(run(images), self.output))
        self.count += len(images)
        self.context.progress(f"{self.target.name}: images", self.count, self.total)
        return found


@contextmanager
def out_of_place(module: nn.Module) -> Iterator[None]:
    """Let no activation function work in place: Captum passes the same tensor in more than once."""
    in_place = [each for each in module.modules() if getattr(each, "inplace", False) is True]
    for each in in_place:
        each.inplace = False  # type: ignore[assignment]
    try:
        yield
    finally:
        for each in in_place:
            each.inplace = True  # type: ignore[assignment]
