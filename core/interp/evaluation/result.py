"""The result of an evaluation: every value of every image, and means with 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any, TypeVar

import numpy as np

from interp.dataset import reading_notes
from interp.errors import InputError
from interp.evaluation.bootstrap import compare, estimate
from interp.evaluation.cross_fit import cross_fitted
from interp.evaluation.request import EvaluationRecord, EvaluationRequest, MetricSpec
from interp.explanation import Origin
from interp.metric import Measurement
from interp.short import short
from interp.spec import ModelSpec

Key = TypeVar("Key", bound=Hashable)
RESAMPLES = 2000
"""Bootstrap samples behind each interval."""


@dataclass(frozen=True)
class MetricCell:
    """A metric's mean for one method, and its difference to each baseline's on the same images."""

    mean: Measurement
    less: dict[str, Measurement]

    def plain(self) -> dict[str, Any]:
        """The numbers, for JSON."""
        less = {name: each.plain() for name, each in self.less.items()}
        return {**self.mean.plain(), "less": less}


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """Methods by metrics over the images of a data set.

    `refused` are methods and metrics that the model cannot serve, each with the reason. In a
    notebook or a program, `table["deletion"]["mint"].mean.value` is a method's mean.
    """

    request: EvaluationRequest
    model: ModelSpec
    data: str
    """The data set's fingerprint."""
    size: int
    """The number of images that were chosen, in this shard or another."""
    metric_specs: dict[str, MetricSpec]
    records: tuple[EvaluationRecord, ...]
    refused: dict[str, str]
    data_notes: tuple[str, ...] = ()
    """What was assumed about the data and their classes, and which packages failed in a hook."""
    origins: tuple[Origin, ...] = ()
    """The packages behind methods and metrics."""

    def __repr__(self) -> str:
        about = f"Evaluation on {len(self.records)} images, {self.model.name}"
        methods, metrics = short(tuple(self.methods)), short(tuple(self.metrics))
        return f"{about}\n  methods: {methods}\n  metrics: {metrics}"

    @property
    def methods(self) -> list[str]:
        """The methods that were measured, baselines last."""
        named = [each.name for each in self.request.methods]
        listed = dict.fromkeys([*named, *self.request.baselines])
        return [name for name in listed if name not in self.refused]

    @property
    def baselines(self) -> list[str]:
        """The methods that were added for comparison."""
        named = [each.name for each in self.request.methods]
        return [name for name in self.methods if name not in named]

    @property
    def metrics(self) -> list[str]:
        """The metrics that have a value."""
        return [name for name, cells in self.table.items() if cells]

    @cached_property
    def table(self) -> dict[str, dict[str, MetricCell]]:
        """metric -> method -> mean and differences, where there is a value."""
        return {
            metric: {
                method: self._cell(metric, method)
                for method in self.methods
                if self.values(metric, method)
            }
            for metric in self.metric_specs
        }

    @cached_property
    def ranks(self) -> dict[str, dict[str, tuple[int, int]]]:
        """metric -> method -> the best and the worst rank that it may have, baselines included."""
        return {metric: self._ranks(metric) for metric in self.metrics}

    def values(self, metric: str, method: str) -> dict[int, float]:
        """A method's value on each image, by position."""
        found = {each.position: each.values.get(metric, {}) for each in self.records}
        curves = {each.position: each.curves.get(metric, {}) for each in self.records}
        return {at: values[method] for at, values in found.items() if method in values} | (
            cross_fitted(
                {at: values[method] for at, values in curves.items() if method in values},
                self.metric_specs[metric].higher_is_better,
            )
        )

    def best(self, metric: str) -> list[str]:
        """The methods with the best mean, baselines included; several where it is a tie."""
        cells = self.table[metric]
        sign = 1 if self.metric_specs[metric].higher_is_better else -1
        most = max(sign * each.mean.value for each in cells.values())
        return [name for name, each in cells.items() if math.isclose(sign * each.mean.value, most)]

    def leading(self, metric: str) -> list[str]:
        """The methods with the best mean, then those that cannot be told from the best."""
        best, ranked = self.best(metric), self.ranks[metric]
        near = [name for name, (first, _) in ranked.items() if first == 1 and name not in best]
        return [*best, *near]

    def noted(self, more: Sequence[str]) -> Evaluation:
        """The same with more notes, each once; itself, with its table, where there is none."""
        notes = tuple(dict.fromkeys((*self.data_notes, *more)))
        return self if notes == self.data_notes else replace(self, data_notes=notes)

    def notes(self) -> list[str]:
        """What a reader must know: what was assumed, refused or left out, and what failed."""
        count = len(self.records)
        failures = _grouped(
            ((method, what), reason)
            for record in self.records
            for method, failed in record.failures.items()
            for what, reason in failed.items()
        )
        skipped = _grouped(pair for record in self.records for pair in record.skipped.items())
        assumed = _grouped((note, each.image) for each in self.records for note in each.notes)
        return [
            *self.model.notes,
            *self.data_notes,
            *reading_notes(assumed),
            *(f"{name} is refused: {reason}" for name, reason in self.refused.items()),
            *(
                f"{metric} has no value: each half of the images takes the threshold of the other "
                "half, and one is empty; measure more images, or set the threshold"
                for metric in self.metric_specs
                if any(metric in each.curves for each in self.records) and not self.table[metric]
            ),
            *(
                f"{method} failed on {len(reasons)} of {count} images "
                f"({what}; not in its mean): {reasons[0]}"
                for (method, what), reasons in failures.items()
            ),
            *(
                f"{what} left out on {len(reasons)} of {count} images: {reasons[0]}"
                for what, reasons in skipped.items()
            ),
        ]

    def _cell(self, metric: str, method: str) -> MetricCell:
        others = (name for name in self.baselines if name != method)
        less = {
            name: found
            for name in others
            if (found := self._difference(metric, method, name)) is not None
        }
        own = np.array(list(self.values(metric, method).values()))
        return MetricCell(estimate(own, *self._how(metric), resamples=RESAMPLES), less)

    def _ranks(self, metric: str) -> dict[str, tuple[int, int]]:
        names = list(self.table[metric])
        better, worse = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
        for one, other in combinations(names, 2):
            found = self._difference(metric, one, other)
            if found is not None and (sign := found.beyond_chance()):
                winner, loser = (one, other) if sign > 0 else (other, one)
                better[loser] += 1
                worse[winner] += 1
        return {name: (1 + better[name], len(names) - worse[name]) for name in names}

    def _difference(self, metric: str, one: str, other: str) -> Measurement | None:
        """The mean of one method less the other's, on the images that both have; None for none."""
        first, second = self.values(metric, one), self.values(metric, other)
        both = [at for at in first if at in second]
        if not both:
            return None
        mine, theirs = (np.array([each[at] for at in both]) for each in (first, second))
        return compare(mine, theirs, *self._how(metric), resamples=RESAMPLES)

    def _how(self, metric: str) -> tuple[np.random.Generator, str, bool]:
        used = self.metric_specs[metric]
        return np.random.default_rng(self.request.seed), used.unit, used.higher_is_better

    def plain(self) -> dict[str, Any]:
        """All of it, and the means, for JSON."""
        return {
            "request": self.request.model_dump(mode="json"),
            "model": self.model.model_dump(mode="json"),
            "data": self.data,
            "size": self.size,
            "metrics": {name: each.model_dump() for name, each in self.metric_specs.items()},
            "refused": self.refused,
            "data_notes": list(self.data_notes),
            "origins": [asdict(each) for each in self.origins],
            "notes": self.notes(),
            "table": {
                metric: {method: cell.plain() for method, cell in cells.items()}
                for metric, cells in self.table.items()
            },
            "records": [each.model_dump() for each in self.records],
        }

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Evaluation:
        """The evaluation whose `plain` gave these facts."""
        return cls(
            request=EvaluationRequest.model_validate(facts["request"]),
            model=ModelSpec.model_validate(facts["model"]),
            data=facts["data"],
            size=facts["size"],
            metric_specs={
                name: MetricSpec.model_validate(each) for name, each in facts["metrics"].items()
            },
            records=tuple(EvaluationRecord.model_validate(each) for each in facts["records"]),
            refused=facts["refused"],
            data_notes=tuple(facts.get("data_notes", ())),
            origins=tuple(Origin(**each) for each in facts.get("origins", ())),
        )

    @classmethod
    def merge(cls, parts: Sequence[Evaluation]) -> Evaluation:
        """The evaluation whose shards these are. Raises InputError unless each is there once."""
        first = parts[0]
        wholes = [each.request.model_copy(update={"shard": None}) for each in parts]
        contents = [(each.model.fingerprint, each.data) for each in parts]
        if any(each != wholes[0] for each in wholes) or len(set(contents)) > 1:
            raise InputError(
                "found evaluations of different requests, models or data; expected the parts "
                "of one: the same command but for --shard and --out"
            )
        records = sorted((r for each in parts for r in each.records), key=lambda r: r.position)
        if [each.position for each in records] != list(range(first.size)):
            raise InputError(
                f"found {len(records)} images in {len(parts)} parts, expected each of "
                f"{first.size} once; name every part of --shard i/n, each once"
            )
        return replace(first, request=wholes[0], records=tuple(records))


def _grouped(pairs: Iterable[tuple[Key, str]]) -> dict[Key, list[str]]:
    """The reasons for each key, in order."""
    found: dict[Key, list[str]] = {}
    for key, reason in pairs:
        found.setdefault(key, []).append(reason)
    return found
