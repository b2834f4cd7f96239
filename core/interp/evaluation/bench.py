"""What an evaluation holds from image to image: the model, what is measured, and by what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from interp.dataset import Example
from interp.errors import InputError
from interp.evaluation.data import Chosen
from interp.evaluation.request import EvaluationRequest, Record, Yardstick
from interp.evaluation.result import Evaluation
from interp.evaluation.trial import Trial
from interp.method import ExplanationMetric
from interp.model import ModelAdapter
from interp.prediction import predict
from interp.registry import Registry
from interp.request import Choice
from interp.target import Target


@dataclass(frozen=True, eq=False)
class Bench:
    """What stays from image to image: the model, what is measured, and by what."""

    request: EvaluationRequest
    registry: Registry
    model: ModelAdapter
    images: Chosen
    choices: dict[str, Choice]
    yardsticks: dict[str, ExplanationMetric]
    refused: dict[str, str]
    cancelled: Callable[[], bool]
    sizes: dict[Any, Any] = field(default_factory=dict)
    """Measured batch sizes."""
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What each metric keeps."""

    @cached_property
    def methods(self) -> dict[str, Choice]:
        """Those that the model can serve."""
        return {name: each for name, each in self.choices.items() if name not in self.refused}

    @cached_property
    def metrics(self) -> dict[str, ExplanationMetric]:
        """Those that the model can serve."""
        return {name: each for name, each in self.yardsticks.items() if name not in self.refused}

    @property
    def positions(self) -> list[int]:
        """The images of this shard, by their place among the chosen ones."""
        part, parts = self.request.shard or (0, 1)
        return list(range(part, len(self.images), parts))

    @property
    def about(self) -> dict[str, Any]:
        """What kept values belong to."""
        return {
            "request": self.request.model_dump(mode="json"),
            "model": self.model.spec.fingerprint,
            "data": self.images.dataset.fingerprint,
        }

    def evaluation(self, records: list[Record]) -> Evaluation:
        """The result."""
        return Evaluation(
            request=self.request,
            model=self.model.spec,
            data=self.images.dataset.fingerprint,
            size=len(self.images),
            yardsticks={
                name: Yardstick(
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

    def forecast(self, record: Record, left: list[int]) -> str:
        """`50 images x 8 methods: about 14 minutes`, judged by one image."""
        seconds = sum(record.explaining.values()) * len(left)
        for name, spent in record.measuring.items():
            seconds += spent * sum(self._due(name, each) for each in left)
        return f"{len(left) + 1} images x {len(self.methods)} methods: about {spoken(seconds)}"

    def record(self, position: int, tick: Callable[[], None] = lambda: None) -> Record:
        """Every method on one image, by every metric."""
        try:
            example = self.images[position]
            target = self._target(example)
        except InputError as error:
            name = f"image {position}"
            return Record(position=position, image=name, skipped={"images": str(error)})
        trial = Trial(self, example, target, self._metrics_for(position, example, target))
        skipped = {
            name: f"the {each.needs_truth} of {target.name} is not known"
            for name, each in self.metrics.items()
            if self._due(name, position) and name not in trial.metrics
        }
        for name in self.methods:
            tick()
            trial.measure(name)
        return trial.record(position, skipped)

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
