"""One image of an evaluation: explained by every method, measured by every metric."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from interp.context import Budget, Context
from interp.dataset import Example
from interp.errors import Cancelled, InterpError, PluginError, blamed
from interp.evaluation.case import Case
from interp.evaluation.request import Record
from interp.explanation import Explanation
from interp.model import ModelAdapter
from interp.request import Request
from interp.run import explain
from interp.target import Target

if TYPE_CHECKING:
    from interp.evaluation.bench import Bench


@dataclass(frozen=True, eq=False)
class Trial:
    """One image under way: its memory, and what was found so far."""

    bench: Bench
    example: Example
    target: Target
    metrics: list[str]
    memory: dict[str, Any] = field(default_factory=dict)
    values: dict[str, dict[str, float]] = field(default_factory=dict)
    failures: dict[str, dict[str, str]] = field(default_factory=dict)
    explaining: dict[str, float] = field(default_factory=dict)
    measuring: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.memory["batch sizes"] = self.bench.sizes

    def measure(self, method: str) -> None:
        """Explain by one method, and measure what it says."""
        begun = time.monotonic()
        try:
            explanation = self._explain(method, self.bench.request.seed, self.bench.model)
            _check(explanation, self.example)
        except Cancelled:
            raise
        except InterpError as error:
            self._failed(method, "explain", error)
            return
        finally:
            self.explaining[method] = round(time.monotonic() - begun, 3)
        for metric in self.metrics:
            self._measure(metric, method, explanation)

    def record(self, position: int, skipped: dict[str, str]) -> Record:
        """What was found."""
        return Record(
            position=position,
            image=self.example.name,
            target=self.target.name,
            values=self.values,
            skipped=skipped,
            failures=self.failures,
            explaining=self.explaining,
            measuring={name: round(each, 3) for name, each in self.measuring.items()},
        )

    def _measure(self, metric: str, method: str, explanation: Explanation) -> None:
        begun = time.monotonic()
        request = self.bench.request
        case = Case(
            explanation=explanation,
            model=self.bench.model,
            target=self.target,
            example=self.example,
            context=Context(
                seed=request.seed,
                budget=Budget(memory=request.budget.memory, batch_size=request.budget.batch_size),
                cancelled=self.bench.cancelled,
                lookup=self.bench.registry.get,
                memory=self.memory,
            ),
            again=lambda seed, model: self._explain(method, seed, model),
            kept=self.bench.kept.setdefault(metric, {}),
        )
        try:
            with blamed(metric):
                value = float(self.bench.metrics[metric].measure(case))
            if not math.isfinite(value):
                raise PluginError(f"{metric} gives {value}; expected a finite number")
            self.values.setdefault(metric, {})[method] = value
        except Cancelled:
            raise
        except InterpError as error:
            self._failed(method, metric, error)
        finally:
            spent = self.measuring.get(metric, 0.0)
            self.measuring[metric] = spent + time.monotonic() - begun

    def _explain(self, method: str, seed: int, model: ModelAdapter) -> Explanation:
        choice, request = self.bench.methods[method], self.bench.request
        index = str(self.target.index)
        wanted = Request(
            method=method,
            params=choice.params,
            knowledge=choice.knowledge,
            targets=(self.target.name if index in model.spec.classes else index,),
            seed=seed,
            budget=request.budget,
        )
        return explain(
            wanted,
            registry=self.bench.registry,
            model=model,
            images=[self.example.image],
            memory=self.memory,
            cancelled=self.bench.cancelled,
        )

    def _failed(self, method: str, what: str, error: InterpError) -> None:
        self.failures.setdefault(method, {})[what] = str(error)


def _check(explanation: Explanation, example: Example) -> None:
    """Raise PluginError unless the map lies over the image."""
    found, expected = explanation.map().shape, example.image.shape[:2]
    if found != expected:
        raise PluginError(f"found a map of {found}; expected the image's {expected}")
