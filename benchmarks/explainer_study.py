"""Explainers beside a control without filter loss and beside the network itself.

Shared by explainer_creatures.py and explainer_animals.py. What is trained and measured is
stored in a work folder at once, so that the same command goes on where it was stopped.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from record import print_progress

from interp.context import Context
from interp.dataset import Dataset
from interp.evaluation.bootstrap import estimate
from interp.knowledge import Knowledge
from interp.metric import Measurement
from interp.model import ModelAdapter
from interp.registry import Registry
from interp.request import Request
from interp.run import fit
from interp.session import Session
from interp.storage.folder import read_json, write_json

KINDS: dict[str, dict[str, Any]] = {"explainer": {}, "control": {"filter_share": 0.0}}
Measures = dict[str, dict[str, Any]]
"""By a name of ours: {"metric": registered name, **parameters}."""


@dataclass(frozen=True, eq=False)
class Study:
    """One performer and one recipe: for each seed an explainer, and a control without Loss_f."""

    model: ModelAdapter
    train: Dataset
    test: Dataset
    params: dict[str, Any]
    seeds: tuple[int, ...]
    work: Path
    measures: Measures
    performer: Measures
    """What is measured of the network itself, once."""
    classes: dict[str, Dataset] = field(default_factory=dict)
    """Where peaks are measured of each class by itself: the images of each."""
    tops: tuple[str, ...] = ()
    """With `classes`: more layers whose channels stand beside those of the layer that is read."""

    def report(self) -> dict[str, Any]:
        """Numbers of every network, and explainer less control, seed by seed."""
        found: dict[str, Any] = {
            kind: {str(seed): self.explainer(kind, seed) for seed in self.seeds} for kind in KINDS
        }
        first = self.work / f"explainer-{self.seeds[0]}"
        report = {
            "model": self.model.spec.name,
            "params": self.params,
            "images": {"train": len(self.train), "test": len(self.test)},
            **found,
            "explainer_less_control": dict(self._differences(found)),
        }
        if self.classes:
            found = dict(self._by_class(first))
            return report | {"by_class": found, "by_class_less_control": self._less(found)}
        performer = self._once("performer", first, self.performer)
        ideal = self._once("ideal", first, _of("ideal", {**STEADINESS, **TRACKING}))
        blind = {of: self._once(f"blind {of}", first, _of(of, STEADINESS)) for of in BLIND}
        closed = {kind: dict(_closed(found[kind], performer, ideal)) for kind in KINDS}
        return report | {
            "performer": performer,
            "ideal": ideal,
            "blind": blind,
            "gap_closed": closed,
        }

    def explainer(self, kind: str, seed: int) -> dict[str, Any]:
        """Train, if that is not done, and measure, if that is not."""
        folder = self.work / f"{kind}-{seed}"
        self._train(kind, seed, folder)
        found = self._once(folder.name, folder, self.measures)
        log = Knowledge.open(folder).about["log"]
        seconds = self.work / f"{folder.name}-seconds.json"  # none where it was killed in between
        taken = read_json(seconds)["seconds"] if seconds.is_file() else None
        return {**found, "train_seconds": taken, "last": log[-1]}

    def _by_class(self, first: Path) -> Iterator[tuple[str, Any]]:
        """Each class and their mean: the performer, blind filters, and each seed's networks."""
        every = {of: (first, of, {}) for of in ("performer", "ideal", *BLIND)}
        every |= {f"performer {at}": (first, "performer", {"layer": at}) for at in self.tops}
        every |= {
            f"{kind}-{seed}": (self.work / f"{kind}-{seed}", "explainer", {})
            for kind in KINDS
            for seed in self.seeds
        }
        for name, (folder, of, more) in every.items():
            wanted = _of(of, BY_CLASS, **more)
            seen = {
                each: self._once(f"{name} {each}", folder, wanted, images)
                for each, images in self.classes.items()
            }
            yield name, {measure: _mean(seen, measure) for measure in BY_CLASS}

    def _less(self, found: dict[str, Any]) -> dict[str, Any]:
        """Explainers less controls, the mean over seeds, with an interval over classes."""
        less = {}
        for measure in BY_CLASS:
            explainer, control = (
                [
                    [found[f"{kind}-{s}"][measure]["each"][name] for s in self.seeds]
                    for name in self.classes
                ]
                for kind in KINDS
            )
            apart = np.mean(explainer, 1) - np.mean(control, 1)
            less[measure] = _plain(estimate(apart, np.random.default_rng(0), "", False))
        return less

    def _once(
        self, name: str, knowledge: Path, measures: Measures, images: Dataset | None = None
    ) -> dict[str, Any]:
        """The measures, from the file where they are kept if that asks for the same ones."""
        file = self.work / f"{name}.json"
        known: dict[str, Any] = read_json(file) if file.is_file() else {}
        if known.get("measures") != measures:
            known = {"measures": measures, "values": self._measured(knowledge, measures, images)}
            write_json(file, known)
            print(name, json.dumps(known["values"]), flush=True)
        values: dict[str, Any] = known["values"]
        return values

    def _measured(
        self, knowledge: Path, measures: Measures, images: Dataset | None
    ) -> dict[str, Any]:
        found = {}
        for name, measure in measures.items():
            kind: Any = Registry.load().get("metric", measure["metric"])
            rest = {key: value for key, value in measure.items() if key != "metric"}
            metric = kind(kind.Params(knowledge=str(knowledge), **rest))
            found[name] = _plain(metric.measure(self.model, images or self.test, Context()))
        return found

    def _train(self, kind: str, seed: int, folder: Path) -> None:
        """Train unless that was done; the seconds are those of the last start."""
        if folder.is_dir():
            return
        begun = time.monotonic()
        request = Request(method="explainer", params={**self.params, **KINDS[kind]}, seed=seed)
        session = Session(Registry.load(), self.model, print_progress(folder.name))
        fit(request, session, dataset=self.train, out=folder)
        seconds = round(time.monotonic() - begun, 1)
        write_json(self.work / f"{folder.name}-seconds.json", {"seconds": seconds})

    def _differences(self, found: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for name in self.measures:
            pairs = [
                found["explainer"][str(seed)][name]["value"]
                - found["control"][str(seed)][name]["value"]
                for seed in self.seeds
            ]
            yield name, {"mean": round(float(np.mean(pairs)), 4), "each": pairs}


STEADINESS: Measures = {
    "instability": {"metric": "part-instability"},
    "instability_best": {"metric": "part-instability", "over": "best"},
    "instability_by_class": {"metric": "part-instability", "within": "class"},
}
TRACKING: Measures = {
    "tracking": {"metric": "part-tracking"},
    "tracking_best": {"metric": "part-tracking", "over": "best"},
}
BY_CLASS: Measures = {"instability": STEADINESS["instability"], **TRACKING}
BLIND = ("centre", "cells", "best-cell")
"""Filters that never move: at the input's centre, at each cell, at the cell that is best here."""


def parts(of: str = "explainer", **more: Any) -> Measures:
    """Where filters are, with parameters for every measure of it."""
    return _of(of, {**STEADINESS, **TRACKING, "overlap": {"metric": "part-overlap"}}, **more)


def _mean(seen: dict[str, dict[str, Any]], measure: str) -> dict[str, Any]:
    each = {name: values[measure]["value"] for name, values in seen.items()}
    return {"mean": round(float(np.mean(list(each.values()))), 4), "each": each}


def _of(of: str, measures: Measures, **more: Any) -> Measures:
    return {name: {**measure, "of": of, **more} for name, measure in measures.items()}


def _closed(
    found: dict[str, Any], performer: dict[str, Any], ideal: dict[str, Any]
) -> Iterator[tuple[str, Any]]:
    """Of the way from the performer's instability to an ideal filter's, the share that is gone."""
    for name in STEADINESS:
        start, end = performer[name]["value"], ideal[name]["value"]
        each = [round((start - one[name]["value"]) / (start - end), 3) for one in found.values()]
        yield name, {"mean": round(float(np.mean(each)), 3), "each": each}


def _plain(value: Measurement) -> dict[str, Any]:
    numbers = {"value": value.value, "low": value.low, "high": value.high}
    return {key: None if each is None else round(each, 4) for key, each in numbers.items()}
