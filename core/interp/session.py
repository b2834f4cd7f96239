"""What the runs of one program share: registry, model, progress, cancellation, cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from interp.cluster.pool import Pool, ThisProcess
from interp.context import Budget, Context, Progress, WithinADay, never, no_progress
from interp.memory import Memory
from interp.model import ModelAdapter
from interp.network.weight_state import Originals
from interp.opening.source import open_model
from interp.registry import Registry
from interp.registry.hook import call_after
from interp.spec import ModelOptions


@dataclass(frozen=True, eq=False)
class Session:
    """What is shared by calls of run, survey, fit, compare, evaluate, measure and rerun.

        session = Session(model=network)
        run(Request(method="mint"), session)

    `model`, a ModelAdapter or a framework's own object such as an nn.Module, takes the place of the
    model that a request names. Calls that are handed the same session share measured batch sizes
    and the model's scores.
    """

    registry: Registry = field(default_factory=Registry.load)
    model: object = None
    progress: Progress = no_progress
    cancelled: Callable[[], bool] = never
    memory: Memory = field(default_factory=Memory)
    within_a_day: bool = False
    """Whether work that would take longer is ended with an error, unless its time is limited."""
    temporary: bool = False
    """Whether what is saved does not last, so that the hook interp_after_save is not called."""
    pool: Pool = field(default_factory=ThisProcess)
    """Who does the pieces of work on many images."""
    originals: Originals | None = None
    """Copies of the model's weights, from which what a method changes is put back."""

    def open_model(self, source: str, options: ModelOptions) -> ModelAdapter:
        """The session's own model, else the one that `source` names. Raises ModelError."""
        return open_model(source if self.model is None else self.model, options, self.registry)

    def steady(self) -> Session:
        """The same session, in which no score hangs on timing: for work in pieces.

        The last digits of a score depend on batch sizes, of which the fastest are otherwise found
        by trials.
        """
        return replace(self, memory=Memory(steady=True))

    def saved(self, folder: Path, result: object) -> tuple[str, ...]:
        """Tell packages that a result is whole in a folder; notes on those that failed."""
        if self.temporary:
            return ()
        return call_after(self.registry, "interp_after_save", folder=folder, result=result)

    def reopen(self) -> Callable[[], Session]:
        """What can be sent to another process and opens a steady session like this one there."""
        return partial(_reopened, self.registry)

    def context(self, seed: int, budget: Budget, checkpoint: Path | None = None) -> Context:
        """The context of one run in this session."""
        limited = self.within_a_day and budget.seconds is None
        return Context(
            seed=seed,
            budget=budget,
            progress=WithinADay(self.progress) if limited else self.progress,
            cancelled=self.cancelled,
            checkpoint=checkpoint,
            lookup=self.registry.get,
            memory=self.memory,
        )


def _reopened(registry: Registry) -> Session:
    return Session(registry).steady()
