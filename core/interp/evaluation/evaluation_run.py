"""What an evaluation holds from image to image: the model, what is measured, and by what."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from interp.context import Budget, no_progress
from interp.dataset import Example
from interp.errors import Cancelled, InputError, InterpError, PluginError, blamed
from interp.evaluation.data import ChosenImages
from interp.evaluation.request import EvaluationRecord, EvaluationRequest, MetricSpec
from interp.evaluation.result import Evaluation
from interp.explanation import Explanation
from interp.memory import Memory
from interp.metric import ExplanationMetric, MetricCase
from interp.model import ModelAdapter
from interp.opening.prediction import predict
from interp.request import Choice, Request
from interp.run import run
from interp.session import Session
from interp.target import Target


@dataclass(frozen=True, eq=False)
class EvaluationRun:
    """What stays from image to image: the model, what is measured, and by what."""

    request: EvaluationRequest
    session: Session
    model: ModelAdapter
    images: ChosenImages
    choices: dict[str, Choice]
    wanted: dict[str, ExplanationMetric]
    refused: dict[str, str]
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What each metric keeps."""

    @cached_property
    def methods(self) -> dict[str, Choice]:
        """Those that the model can serve."""
        return {name: each for name, each in self.choices.items() if name not in self.refused}

    @cached_property
    def metrics(self) -> dict[str, ExplanationMetric]:
        """Those that the model can serve."""
        return {name: each for name, each in self.wanted.items() if name not in self.refused}

    @property
    def positions(self) -> list[int]:
        """The images of this shard, by their place among the chosen ones."""
        part, parts = self.request.shard or (0, 1)
        return list(range(part, len(self.images), parts))

    def result(self, records: list[EvaluationRecord]) -> Evaluation:
        """The evaluation that these records make."""
        return Evaluation(
            request=self.request,
            model=self.model.spec,
            data=self.images.dataset.fingerprint,
            size=len(self.images),
            metric_specs={
                name: MetricSpec(
                    unit=each.unit,
                    higher_is_better=each.higher_is_better,
                    images=each.params.images,
                    params=each.params.model_dump(mode="json"),
                )
                for name, each in self.metrics.items()
            },
            records=tuple(records),
            refused=self.refused,
        )

    def forecast(self, record: EvaluationRecord, left: list[int]) -> str:
        """`50 images x 8 methods: about 14 minutes`, judged by one image."""
        seconds = sum(record.explaining.values()) * len(left)
        for name, spent in record.measuring.items():
            seconds += spent * sum(self._due(name, each) for each in left)
        return f"{len(left) + 1} images x {len(self.methods)} methods: about {spoken(seconds)}"

    def record(self, position: int, tick: Callable[[], None] = lambda: None) -> EvaluationRecord:
        """Every method on one image, by every metric."""
        try:
            example = self.images[position]
            target = self._target(example)
        except InputError as error:
            name = f"image {position}"
            return EvaluationRecord(position=position, image=name, skipped={"images": str(error)})
        image = ImageRun(
            self,
            example,
            target,
            self._metrics_for(position, example, target),
            replace(
                self.session,
                progress=no_progress,
                memory=Memory(self.session.memory.batch_sizes),
            ),
        )
        skipped = {
            name: f"the {each.needs_truth} of {target.name} is not known"
            for name, each in self.metrics.items()
            if self._due(name, position) and name not in image.metrics
        }
        for name in self.methods:
            tick()
            image.measure(name)
        return image.record(position, skipped)

    def _metrics_for(self, position: int, example: Example, target: Target) -> list[str]:
        return [
            name
            for name, each in self.metrics.items()
            if self._due(name, position) and each.applies(example, target)
        ]

    def _due(self, metric: str, position: int) -> bool:
        limit = self.metrics[metric].params.images
        return limit is None or position < limit

    def _target(self, example: Example) -> Target:
        """The class that is explained; InputError where the image has none."""
        classes = self.model.spec.classes
        if self.request.target == "predicted":
            index = predict(self.model, self.model.prepare(example.image)[0], 1).indices[0]
        elif example.label is None:
            raise InputError(f"{example.name} has no class of the model's")
        else:
            index = example.label
        return Target(index, classes[index])


def spoken(seconds: float) -> str:
    """A duration as people say it: `14 minutes`."""
    for size, word in ((3600, "hour"), (60, "minute")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {word}s"
    return f"{max(1, round(seconds))} seconds"


@dataclass(frozen=True, eq=False)
class ImageRun:
    """One image under way: its memory, and what was found so far."""

    run: EvaluationRun
    example: Example
    target: Target
    metrics: list[str]
    session: Session
    """With a memory of this image's answers."""
    values: dict[str, dict[str, float]] = field(default_factory=dict)
    failures: dict[str, dict[str, str]] = field(default_factory=dict)
    explaining: dict[str, float] = field(default_factory=dict)
    measuring: dict[str, float] = field(default_factory=dict)

    def measure(self, method: str) -> None:
        """Explain by one method, and measure what it says."""
        begun = time.monotonic()
        try:
            explanation = self._explain(method, self.run.request.seed, self.run.model)
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

    def record(self, position: int, skipped: dict[str, str]) -> EvaluationRecord:
        """What was found."""
        return EvaluationRecord(
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
        request = self.run.request
        case = MetricCase(
            explanation=explanation,
            model=self.run.model,
            target=self.target,
            example=self.example,
            context=self.session.context(
                request.seed,
                Budget(memory=request.budget.memory, batch_size=request.budget.batch_size),
            ),
            again=lambda seed, model: self._explain(method, seed, model),
            kept=self.run.kept.setdefault(metric, {}),
        )
        try:
            with blamed(metric):
                value = float(self.run.metrics[metric].measure(case))
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
        choice, request = self.run.methods[method], self.run.request
        index = str(self.target.index)
        wanted = Request(
            method=method,
            params=choice.params,
            knowledge=choice.knowledge,
            targets=(self.target.name if index in model.spec.classes else index,),
            seed=seed,
            budget=request.budget,
        )
        session = replace(self.session, model=model)
        return run(wanted, session, images=[self.example.image]).explanation

    def _failed(self, method: str, what: str, error: InterpError) -> None:
        self.failures.setdefault(method, {})[what] = str(error)


def _check(explanation: Explanation, example: Example) -> None:
    """Raise PluginError unless the map lies over the image."""
    found, expected = explanation.map().shape, example.image.shape[:2]
    if found != expected:
        raise PluginError(f"found a map of {found}; expected the image's {expected}")
