"""The bridge to Captum: its modules, and a target's score as the function that Captum asks for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from interp.context import Context, duration
from interp.cut import Output
from interp.errors import InputError, PluginError
from interp.model import ModelAdapter
from interp.target import Target

if TYPE_CHECKING:
    from torch import Tensor, nn

PATIENCE = 10
"""How many times the time limit a method may take that has no answer before its end."""
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
    begun: float = 0.0
    """When the first was."""

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
        self._check_time()
        found = self.choose(self.model.probabilities(run(images), self.output))
        self.count += len(images)
        self.context.progress(f"{self.target.name}: images", self.count, self.total)
        return found

    def choose(self, scores: Tensor) -> Tensor:
        """The target's score (N,) among those of all classes (N, K)."""
        return self.target.select(scores)

    def _check_time(self) -> None:
        """Raise Cancelled on request, and InputError where the budget's time is far too short.

        Captum answers once all images are scored, and not before.
        """
        late, limit, now = self.context.out_of_time(), self.context.budget.seconds, time.monotonic()
        self.begun = now if self.count == 0 else self.begun
        spent = now - self.begun
        if not late or limit is None or self.total is None or spent < limit:
            return
        whole = spent * self.total / self.count
        if whole > PATIENCE * limit:
            raise InputError(
                f"{self.total:,} images take about {duration(whole)}, with no answer before "
                f"the last; expected at most {PATIENCE} times the limit of {duration(limit)}; "
                "choose fewer, or raise --budget"
            )


@dataclass(eq=False)
class RowScore(Score):
    """The score (N,) of images (N, 3, h, w), each for a target of its own; `target` names one."""

    targets: Sequence[Target] = ()

    def choose(self, scores: Tensor) -> Tensor:
        import torch

        rows = zip(self.targets, scores, strict=True)
        return torch.stack([target.select(row) for target, row in rows])


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
