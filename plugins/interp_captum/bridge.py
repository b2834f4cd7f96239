"""The bridge: Captum itself, and a target's score in the form that Captum asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from interp.errors import PluginError

if TYPE_CHECKING:
    from torch import Tensor

    from interp.context import Context
    from interp.model import ModelAdapter, Output
    from interp.target import Target

BATCH = 16
"""Images in one pass where the budget names no batch size."""


def captum(part: str = "attr") -> ModuleType:
    """A part of Captum; PluginError where it is not installed."""
    try:
        return import_module(f"captum.{part}")
    except ImportError as error:
        raise PluginError(
            "Captum, which this needs, cannot be imported; pip install 'interp[captum]'"
        ) from error


@dataclass(eq=False)
class Score:
    """The target's score of images (N, 3, h, w), (N,); tells progress, stops when asked to."""

    model: ModelAdapter
    target: Target
    output: Output
    context: Context
    count: int = 0
    """Images answered so far."""
    total: int | None = None
    """Images that will be asked."""

    @property
    def batch(self) -> int:
        """Images that one pass may take."""
        return self.context.budget.batch_size or BATCH

    def plain(self, images: Tensor) -> Tensor:
        """By predict: without autograd."""
        return self._of(self.model.predict, images)

    def recorded(self, images: Tensor) -> Tensor:
        """By forward: with autograd."""
        return self._of(self.model.forward, images)

    def _of(self, ask: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        self.context.out_of_time()
        found = self.target.select(self.model.probabilities(ask(images), self.output))
        self.count += len(images)
        self.context.progress(f"{self.target.name}: images", self.count, self.total)
        return found
