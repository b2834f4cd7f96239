"""An evaluation at work: every method on one image after another, by every metric."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from interp.context import Budget, duration, no_progress
from interp.dataset import Example, Instance
from interp.errors import (
    Cancelled,
    InputError,
    InterpError,
    OutputError,
    PluginError,
    UnsupportedError,
    blamed,
)
from interp.evaluation.data import ChosenImages
from interp.evaluation.group import Group
from interp.evaluation.request import EvaluationRecord, EvaluationRequest, MetricSpec
from interp.evaluation.result import Evaluation
from interp.explanation import Explanation
from interp.image_group import SIZE
from interp.metric import ExplanationMetric, MetricCase, instances_of
from interp.model import ModelAdapter
from interp.opening.prediction import predict
from interp.registry.origin import named_parts, origins_of
from interp.request import Choice, Request
from interp.run import run
from interp.run_batch import batched
from interp.session import Session
from interp.storage.pixel import LoadedImage
from interp.target import Target, index_text


@dataclass(frozen=True, eq=False)
class EvaluationRun:
    """What is the same for every image: the model, the methods and the metrics that it can serve.

    `refused` are the methods and metrics that it cannot serve, each with the reason; `kept` is what
    each metric keeps from image to image.
    """

    request: EvaluationRequest
    session: Session
    model: ModelAdapter
    images: ChosenImages
    methods: dict[str, Choice]
    metrics: dict[str, ExplanationMetric]
    refused: dict[str, str]
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[int, Group] = field(default_factory=dict)
    """The group at work, by its number."""

    @property
    def positions(self) -> list[int]:
        """The images of this shard, by their place among the chosen ones."""
        part, parts = self.request.shard or (0, 1)
        return list(range(part, len(self.images), parts))

    def result(self, records: list[EvaluationRecord]) -> Evaluation:
        """The evaluation that these records make."""
        data = self.images if self.request.target == "true" else self.images.dataset
        registry = self.session.registry
        parts = (part for name in self.methods for part in named_parts(registry, name))
        metrics = (("metric", name) for name in self.metrics)
        return Evaluation(
            origins=origins_of(registry, (*parts, *metrics)),
            request=self.request,
            model=self.model.spec,
            data=self.images.dataset.fingerprint,
            size=len(self.images),
            metric_specs={
                name: MetricSpec(
                    unit=each.unit.replace("probability", self.model.spec.unit),
                    higher_is_better=each.higher_is_better,
                    images=each.params.images,
                    params=each.params.model_dump(mode="json"),
                )
                for name, each in self.metrics.items()
            },
            records=tuple(records),
            refused=self.refused,
            data_notes=data.notes,
        )

    @property
    def content(self) -> dict[str, str]:
        """Fingerprints of the model and of the data."""
        return {"model": self.model.spec.fingerprint, "data": self.images.dataset.fingerprint}

    def time_estimate(self, record: EvaluationRecord, left: list[int], workers: int = 1) -> str:
        """`50 images x 8 methods: about 14 minutes`, from the seconds that one image took."""
        seconds = sum(record.explaining.values()) * len(left)
        for name, spent in record.measuring.items():
            seconds += spent * sum(self._measures(name, each) for each in left)
        time = duration(seconds / min(workers, len(left)))
        return f"{len(left) + 1} images x {len(self.methods)} methods: about {time}"

    def record(self, position: int, done: int = 0) -> EvaluationRecord:
        """Every method on one image, by every metric; `done` counts images for the progress."""
        try:
            group = self._group(position)
            example, model, target = self._case(position)
        except InputError as error:
            return EvaluationRecord.left_out(position, str(error))
        wanted = [name for name in self.metrics if self._measures(name, position)]
        metrics = [name for name in wanted if self.metrics[name].applies(example, target)]
        # the cached answers are one image's, the measured batch sizes serve all
        memory = self.session.memory.alone()
        session = replace(self.session, progress=no_progress, memory=memory)
        image = ImageRun(self, position, model, example, target, metrics, session, group)
        count = len(self.methods)
        for number, name in enumerate(self.methods, done * count):
            self.session.progress("methods on images", number, len(self.positions) * count)
            image.measure(name)
        return EvaluationRecord(
            position=position,
            image=example.name,
            target=target.name,
            values=image.values,
            curves=image.curves,
            skipped={
                name: f"the data give no {self.metrics[name].needs_truth} of {target.name}"
                for name in wanted
                if name not in metrics
            },
            failures=image.failures,
            explaining=image.explaining,
            measuring={name: round(each, 3) for name, each in image.measuring.items()},
            notes=example.notes,
        )

    @cached_property
    def batched(self) -> frozenset[str]:
        """The methods that explain several images together."""
        session = replace(self.session, model=self.model)
        return batched((self.asked(name, self.request.seed) for name in self.methods), session)

    def asked(self, method: str, seed: int, targets: tuple[str, ...] = ()) -> Request:
        """What a method is asked about an image."""
        choice = self.methods[method]
        return Request(
            method=method,
            params=choice.params,
            knowledge=choice.knowledge,
            targets=targets,
            seed=seed,
            budget=self.request.budget,
        )

    def _group(self, position: int) -> Group | None:
        """The images that are explained together with the one at this position."""
        if not self.batched:
            return None
        part, parts = self.request.shard or (0, 1)
        number = (position - part) // parts // SIZE
        if number not in self.groups:
            memory = self.session.memory.alone()
            session = replace(self.session, model=self.model, progress=no_progress, memory=memory)
            positions = self.positions[number * SIZE : (number + 1) * SIZE]
            self.groups.clear()
            self.groups[number] = Group.of(session, positions, self._case)
        return self.groups[number]

    def _case(self, position: int) -> tuple[Example, ModelAdapter, Target]:
        """An image, the model as it scores that one, and the class that is explained."""
        group = next(iter(self.groups.values()), None)
        if group is not None and position in group.cases:
            return group.cases[position]
        example = self.images[position]
        model = self.model.focus(example.image)
        target = self._target(model, example)
        return self._with_truth(example, model, target), model, target

    def _measures(self, metric: str, position: int) -> bool:
        """Whether the metric is wanted for the image at this position."""
        limit = self.metrics[metric].params.images
        return limit is None or position < limit

    def _target(self, model: ModelAdapter, example: Example) -> Target:
        """The class that is explained. Raises InputError where the image has none."""
        classes = model.spec.classes
        if self.request.target == "predicted":
            index = predict(model, model.prepare(example.image)[0], 1).indices[0]
        elif classes != self.model.spec.classes:
            raise InputError(
                f"the targets of readout {model.spec.readout} are found on each image; explain the "
                "predicted ones, with --target predicted"
            )
        elif example.label is None:
            raise InputError(f"image {example.name} has no class of the model's")
        else:
            index = example.label
        return Target(index, classes[index])

    def _with_truth(self, example: Example, model: ModelAdapter, target: Target) -> Example:
        """The example with the readout's region as the target's object, where it has none."""
        regions = model.output.regions if model.output is not None else ()
        region = regions[target.index] if regions else None
        renamed = model.spec.classes != self.model.spec.classes
        known = () if renamed else instances_of(example, target)
        if region is None or known:
            return replace(example, instances=()) if renamed else example
        return replace(example, instances=(Instance(target.index, region.box, region.mask),))


@dataclass(frozen=True, eq=False)
class ImageRun:
    """One image's values and curves (metric -> method), failures (method -> metric), seconds."""

    run: EvaluationRun
    position: int
    model: ModelAdapter
    example: Example
    target: Target
    metrics: list[str]
    session: Session
    group: Group | None
    values: dict[str, dict[str, float]] = field(default_factory=dict)
    curves: dict[str, dict[str, tuple[float, ...]]] = field(default_factory=dict)
    failures: dict[str, dict[str, str]] = field(default_factory=dict)
    explaining: dict[str, float] = field(default_factory=dict)
    measuring: dict[str, float] = field(default_factory=dict)

    def measure(self, method: str) -> None:
        """Explain by one method, and measure its explanation."""
        begun = time.monotonic()
        try:
            explanation = self._own(method)
            found, expected = explanation.map().shape, self.example.image.shape[:2]
            if found != expected:
                raise PluginError(f"found a map of {found}; expected the image's {expected}")
        except (Cancelled, OutputError):
            raise
        except InterpError as error:
            self.failures.setdefault(method, {})["explain"] = str(error)
            return
        finally:
            together = None if self.group is None else self.group.images.seconds.get(method)
            self.explaining[method] = round(together or time.monotonic() - begun, 3)
        for metric in self.metrics:
            begun = time.monotonic()
            try:
                value = self._value(metric, method, explanation)
                if isinstance(value, tuple):
                    self.curves.setdefault(metric, {})[method] = value
                else:
                    self.values.setdefault(metric, {})[method] = value
            except Cancelled:
                raise
            except InterpError as error:
                self.failures.setdefault(method, {})[metric] = str(error)
            finally:
                spent = self.measuring.get(metric, 0.0)
                self.measuring[metric] = spent + time.monotonic() - begun

    def _own(self, method: str) -> Explanation:
        """What the method says of the image, by itself or together with others."""
        seed, group = self.run.request.seed, self.group
        if group is None or method not in self.run.batched or self.position not in group.cases:
            return self._explain(method, seed, self.model)
        return group.images.explanation(self.run.asked(method, seed), self.position)

    def _value(
        self, metric: str, method: str, explanation: Explanation
    ) -> float | tuple[float, ...]:
        """The metric's value, or its value at each setting."""
        request = self.run.request
        budget = Budget(memory=request.budget.memory, batch_size=request.budget.batch_size)
        case = MetricCase(
            explanation=explanation,
            model=self.model,
            target=self.target,
            example=self.example,
            context=self.session.context(request.seed, budget),
            again=partial(self._explain, method),
            kept=self.run.kept.setdefault(metric, {}),
        )
        with blamed(metric):
            found = self.run.metrics[metric].measure(case)
            several = isinstance(found, Sequence | np.ndarray)
            values = tuple(map(float, found)) if several else (float(found),)  # type: ignore[arg-type]
        if not all(map(math.isfinite, values)):
            raise PluginError(f"{metric} gives {found}; expected a finite number")
        return values if several else values[0]

    def _explain(
        self,
        method: str,
        seed: int,
        model: ModelAdapter,
        image: np.ndarray | None = None,
        target: Target | None = None,
    ) -> Explanation:
        if model is not self.model and self.run.methods[method].knowledge is not None:
            raise UnsupportedError(
                f"{method} explains {self.model.spec.name} by knowledge that it learned of it; "
                "another network, such as one with random weights, needs knowledge of its own, "
                "which an evaluation does not learn"
            )
        wanted_class = (target or self.target).index
        wanted = self.run.asked(method, seed, (index_text(wanted_class, model.spec.classes),))
        session = replace(self.session, model=model)
        shown = self.example.image if image is None else image
        return run(wanted, session, images=[LoadedImage(shown)]).explanation
