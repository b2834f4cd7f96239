"""A search for better parameters of a method, by a metric, and whether anything is gained.

Settings are tried on one half of the images. What the best one gains over the setting one began
with is measured on the other half, which the search never saw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from interp.context import Budget, no_progress
from interp.dataset import Dataset
from interp.errors import Cancelled, InputError
from interp.evaluation.bootstrap import compare
from interp.evaluation.evaluate import evaluate
from interp.evaluation.folder import RESULTS, is_evaluation
from interp.evaluation.request import EvaluationRequest
from interp.evaluation.result import Evaluation
from interp.metric import Measurement
from interp.opening.named import open_method, open_metric
from interp.params import Params
from interp.registry import Registry
from interp.registry.manifest import MethodEntry
from interp.request import DEFAULT_MODEL, AnyRequest, Choice
from interp.session import Session
from interp.spec import ModelOptions
from interp.storage.folder import read_json, write_json_whole
from interp.storage.resumable import ResumableFolder

SEARCH, CONFIRM = (0, 2), (1, 2)
"""Halves of the images: one on which settings are tried, one on which the gain is measured."""
FEWEST = 10
"""Images without which no interval means anything."""


class TuneRequest(AnyRequest):
    """One job for tune."""

    method: Choice = Field(description="the method, and the parameters to begin with")
    metric: Choice = Field(description="the metric to be improved, with its parameters")
    values: dict[str, tuple[Any, ...]] = Field(
        {}, description="parameter -> values to try; none: those that the method names"
    )
    model: str = Field(DEFAULT_MODEL, description="registered name, file, factory or bundle")
    options: ModelOptions = Field(ModelOptions(), description="what the model file does not say")
    data: str = Field("creatures", description="path of images, or a registered data set")
    target: Literal["true", "predicted"] = Field("true", description="class that is explained")
    limit: int = Field(40, ge=FEWEST, description="number of images, of which half are searched")
    seed: int = Field(0, description="seed of the method's random samples")
    budget: Budget = Field(Budget(), description="how much work the method may do for an image")

    def evaluation(self, params: Mapping[str, Any], half: tuple[int, int]) -> EvaluationRequest:
        """The request that measures one setting on one half of the images."""
        names = ("model", "options", "data", "target", "limit", "seed", "budget")
        return EvaluationRequest(
            methods=(self.method.model_copy(update={"params": dict(params)}),),
            metrics=(self.metric,),
            baselines=(),
            shard=half,
            **{each: getattr(self, each) for each in names},
        )


@dataclass(frozen=True)
class Setting:
    """One setting of the parameters, and the metric's mean on the images that are searched."""

    params: dict[str, Any]
    mean: Measurement


@dataclass(frozen=True)
class Tuning:
    """The settings that were tried, in their order, and what the best one gains."""

    request: TuneRequest
    settings: tuple[Setting, ...]
    best: dict[str, Any]
    """The parameters of the best setting that differ from the method's defaults."""
    gain: Measurement | None
    """Best less first setting on the other images; None where no other setting is better."""

    @property
    def gained(self) -> bool:
        """Whether the best setting is better beyond chance on images that the search never saw."""
        if self.gain is None or self.gain.low is None or self.gain.high is None:
            return False
        return self.gain.low > 0 if self.gain.higher_is_better else self.gain.high < 0

    def __str__(self) -> str:
        """What came of it, in a sentence."""
        metric = self.request.metric.name
        if self.gain is None:
            return f"nothing is gained: no other setting has a better {metric} than the first"
        change = (
            f"{self.gain.value:+.3g} [{self.gain.low:+.3g}, {self.gain.high:+.3g}] {metric} "
            f"on {self.gain.count} other images"
        )
        words = ", ".join(f"{key}={value}" for key, value in self.best.items()) or "the defaults"
        if self.gained:
            return f"{words} is better: {change}"
        return f"nothing is gained: {words} was best in the search, but makes {change}"

    def plain(self) -> dict[str, Any]:
        """The facts, for JSON."""
        gain = None if self.gain is None else self.gain.plain()
        return {
            "request": self.request.model_dump(mode="json"),
            "settings": [{"params": e.params, **e.mean.plain()} for e in self.settings],
            "best": self.best,
            "gain": gain,
            "gained": self.gained,
            "said": str(self),
        }


def tune(
    request: TuneRequest,
    session: Session | None = None,
    *,
    dataset: Dataset | None = None,
    out: Path | None = None,
) -> Tuning:
    """Try other values of a method's parameters, one parameter after the other.

    Each parameter keeps its best value while the next is searched. With `out`, every setting's
    evaluation is saved there, and the same request goes on where it was stopped. `dataset` takes
    the place of the request's. Raises InputError for a parameter or value that the method does not
    have, before any work, and where there is nothing to try.
    """
    session = session or Session()
    values = _values(request, session.registry)
    session = replace(session, model=session.open_model(request.model, request.options))
    if out is not None:
        ResumableFolder(out, {"request.json": request.model_dump(mode="json")}).begin()
    search = _Search(request, session, dataset, out)
    try:
        found = search.run(values)
    except KeyboardInterrupt as error:
        if out is None:
            raise
        raise Cancelled(f"stopped; the same command with --out {out} goes on") from error
    if out is not None:
        write_json_whole(out / "tuning.json", found.plain())
    return found


@dataclass(eq=False)
class _Search:
    """One search under way, and the settings that it has tried."""

    request: TuneRequest
    session: Session
    dataset: Dataset | None
    out: Path | None
    tried: list[Setting] = field(default_factory=list)

    def run(self, values: Mapping[str, tuple[Any, ...]]) -> Tuning:
        """Search one parameter after the other, then measure the gain on the other half."""
        most = 1 + sum(map(len, values.values()))
        first = best = self._setting(self.request.method.params, most)
        for key, listed in values.items():
            for value in listed:
                changed = {**best.params, key: value}
                if not self._is_tried(changed):
                    best = self._better(best, self._setting(changed, most))
        gain = None if best is first else self._gain(first, best, most)
        self.session.progress("settings", most, most)
        return Tuning(self.request, tuple(self.tried), best.params, gain)

    def _is_tried(self, params: Mapping[str, Any]) -> bool:
        """Whether a setting is one that was tried, perhaps written otherwise: as the default."""
        return self._opened(params) in [self._opened(each.params) for each in self.tried]

    def _opened(self, params: Mapping[str, Any]) -> Params:
        found: Params = open_method(
            self.session.registry, self.request.method.name, dict(params)
        ).params
        return found

    def _setting(self, params: Mapping[str, Any], most: int) -> Setting:
        """Measure one setting on the half that is searched."""
        self.session.progress("settings", len(self.tried), most)
        found = self._evaluation(params, SEARCH, f"{len(self.tried):02d}")
        cell = found.table[self.request.metric.name].get(self.request.method.name)
        if cell is None:
            raise InputError(
                f"{self.request.method.name} {dict(params)}: {'; '.join(found.notes())}"
            )
        self.tried.append(Setting(dict(params), cell.mean))
        return self.tried[-1]

    def _better(self, one: Setting, other: Setting) -> Setting:
        """The better of two settings; the earlier one where they are equal."""
        sign = 1 if one.mean.higher_is_better else -1
        return other if sign * (other.mean.value - one.mean.value) > 0 else one

    def _gain(self, first: Setting, best: Setting, most: int) -> Measurement:
        """The difference best - first on the images that were not searched, with its interval."""
        self.session.progress("settings", most - 1, most)
        method, metric = self.request.method.name, self.request.metric.name
        found = [
            self._evaluation(each.params, CONFIRM, name)
            for each, name in ((best, "confirm-best"), (first, "confirm-first"))
        ]
        one, two = (each.values(metric, method) for each in found)
        both = [at for at in one if at in two]
        used = found[0].metric_specs[metric]
        return compare(
            np.array([one[at] for at in both]),
            np.array([two[at] for at in both]),
            np.random.default_rng(self.request.seed),
            used.unit,
            used.higher_is_better,
        )

    def _evaluation(
        self, params: Mapping[str, Any], half: tuple[int, int], name: str
    ) -> Evaluation:
        """One setting on one half of the images, read where it was measured before."""
        request = self.request.evaluation(params, half)
        place = None if self.out is None else self.out / name
        if place is not None and is_evaluation(place):
            return Evaluation.of(read_json(place / RESULTS))
        silent = replace(self.session, progress=no_progress)
        return evaluate(request, silent, dataset=self.dataset, out=place)


def _values(request: TuneRequest, registry: Registry) -> dict[str, tuple[Any, ...]]:
    """Parameter -> values to try, each checked by the method. Raises InputError."""
    name, params = request.method.name, request.method.params
    open_method(registry, name, params)
    open_metric(registry, request.metric.name, request.metric.params)
    entry = registry.entry("method", name)
    named = entry.tune if isinstance(entry, MethodEntry) else {}
    values = request.values or named
    if not values:
        raise InputError(
            f"{name} names no parameter to tune; say which and what to try, as --try KEY=V1,V2 "
            f"(interp show {name} lists its parameters)"
        )
    for key, listed in values.items():
        for value in listed:
            open_method(registry, name, {**params, key: value})
    return values
