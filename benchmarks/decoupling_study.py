"""Decoupled networks beside plain twins: trained, measured, compared.

Shared by decoupling_creatures.py and decoupling_cifar.py. Everything is kept in a work folder
while it grows, so that the same command goes on where a killed one was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from mint import machine

import interp_decoupling
from interp.context import Context
from interp.dataset import Dataset
from interp.evidence import Table
from interp.folder import read_json, write_json
from interp.model import ModelAdapter
from interp.registry import Registry
from interp.request import Request
from interp.run import fit
from interp.source import open_model
from interp.spec import ModelOptions
from interp_decoupling.features import gathered
from interp_decoupling.known import known_of
from interp_decoupling.metric.detection import Attack, Classifier, detect
from interp_decoupling.metric.measure import versions_of
from interp_decoupling.params import DecouplingParams
from interp_decoupling.survey import survey

DRAFT = Path(interp_decoupling.__file__).with_name("registry-draft.yaml")
KINDS = ("decoupled", "twin")
ATTACKS: tuple[Attack, ...] = ("fgsm", "pgd")
CLASSIFIERS: tuple[Classifier, ...] = ("forest", "adaboost", "boosting")
STRENGTHS = (1, 2, 4, 8)
"""eps of an attack, in 255ths."""
LEARNED = (1, 5, 10)
"""Images a class that a detector learns from."""
REPEATS = 5
TABLES = ("measures", "layers", "filters on together", "time")


@dataclass(frozen=True, eq=False)
class Study:
    """One recipe on one data set: for each seed a decoupled network, and its twin without modules.

    Both begin with the same trained network, `model` or one made per seed, and see the same images
    in the same order.
    """

    model: Callable[[int], str]
    options: ModelOptions
    train: Dataset
    test: Dataset
    attacked: Dataset
    params: DecouplingParams
    seeds: tuple[int, ...]
    work: Path

    @cached_property
    def registry(self) -> Registry:
        return Registry.load([DRAFT] if DRAFT.is_file() else [])

    def report(self) -> dict[str, Any]:
        """Numbers of every network, seed by seed."""
        found: dict[str, Any] = {kind: {} for kind in KINDS}
        for seed in self.seeds:
            for kind in KINDS:
                found[kind][str(seed)] = self.network(kind, seed)
        less = [
            found["decoupled"][str(s)]["accuracy"] - found["twin"][str(s)]["accuracy"]
            for s in self.seeds
        ]
        images = {"train": self.train, "test": self.test, "attacked": self.attacked}
        return {
            "machine": machine(),
            "params": self.params.model_dump(mode="json", exclude_unset=True),
            "images": {name: len(each) for name, each in images.items()},
            **found,
            "accuracy_less_twin": {"mean": round(float(np.mean(less)), 4), "each": less},
        }

    def network(self, kind: str, seed: int) -> dict[str, Any]:
        """Train, if that is not done, and measure what is not."""
        folder = self.work / f"{kind}-{seed}"
        seconds = self.fitted(self.model(seed), folder, {"gate": kind == "decoupled"}, seed)
        model = open_model(str(folder), ModelOptions(), self.registry)
        found = self._kept(folder, "answers", lambda: {"accuracy": self.accuracy(model)})
        found |= self._kept(folder, "seconds", lambda: {"train_seconds": seconds})
        found["log"] = read_json(folder / "knowledge.json")["about"]["log"]
        if kind == "decoupled":
            found |= self._kept(folder, "survey", lambda: self.surveyed(model))
            found["detection"] = self._detections(model, folder)
        shown = {key: found[key] for key in found if key not in ("log", "detection")}
        print(kind, seed, json.dumps(shown), flush=True)
        return found

    def fitted(self, model: str, folder: Path, said: dict[str, Any], seed: int) -> float | None:
        """Seconds it took to train `model` into the folder; None where that was done before."""
        if folder.is_dir():
            return None
        begun = time.monotonic()
        derived = Path(model).is_dir()
        request = Request(
            method="decoupling",
            model=model,
            options=ModelOptions() if derived else self.options,
            params=self.params.model_dump(mode="json", exclude_unset=True) | said,
            seed=seed,
        )
        fit(
            request,
            registry=self.registry,
            dataset=self.train,
            out=folder,
            resume=True,
            progress=_tell(folder.name),
        )
        return round(time.monotonic() - begun, 1)

    def accuracy(self, model: ModelAdapter) -> float:
        """Share of test images whose top-1 is their label."""
        samples, right = gathered(model, self.test, Context()), 0
        for chosen in np.array_split(np.arange(len(samples)), -(-len(samples) // 64)):
            scores = model.predict(samples.images(chosen).to(model.spec.device).float() / 255)
            right += int((scores.argmax(1).cpu().numpy() == samples.labels[chosen]).sum())
        return round(right / len(samples), 4)

    def surveyed(self, model: ModelAdapter) -> dict[str, Any]:
        """The tables of a survey of the test images."""
        found = survey(model, self.test, known_of(model), self.params, Context())
        return {
            each.name: {"columns": each.columns, "rows": each.rows}
            for each in found.evidence
            if isinstance(each, Table) and each.name in TABLES
        }

    def _detections(self, model: ModelAdapter, folder: Path) -> dict[str, Any]:
        """AUC of every detector, attack by attack."""
        return {
            f"{attack} {eps}/255": self._kept(
                folder,
                f"{attack}-{eps}",
                lambda attack=attack, eps=eps: self._detected(model, attack, eps),  # type: ignore[misc]
            )
            for attack in ATTACKS
            for eps in STRENGTHS
        }

    def _detected(self, model: ModelAdapter, attack: Attack, eps: int) -> dict[str, Any]:
        seen = versions_of(model, self.attacked, attack, eps / 255, 10, Context())
        found: dict[str, Any] = {"fooled": round(seen.fooled, 4)}
        for of in ("path", "features"):
            for kind in CLASSIFIERS:
                for each in LEARNED:
                    aucs = [
                        detect(*seen.of(of), seen.labels, each, kind, [0, r])  # type: ignore[arg-type]
                        for r in range(REPEATS)
                    ]
                    told = {"mean": np.mean(aucs), "std": np.std(aucs)}
                    found[f"{of} {kind} {each}"] = {k: round(float(v), 4) for k, v in told.items()}
        return found

    def _kept(self, folder: Path, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What was measured before, or is measured now and kept."""
        file = folder.with_name(f"{folder.name}-{name}.json")
        if not file.is_file():
            write_json(file, make())
        known: dict[str, Any] = read_json(file)
        return known


def write_report(study: Study, out: Path, written: str) -> None:
    """Measure all and write the results."""
    found = {"written": written, **study.report()}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps({key: found[key] for key in ("accuracy_less_twin", "params")}, indent=2))


def _tell(title: str) -> Any:
    """A Progress that prints a line a minute."""
    last = [time.monotonic()]

    def tell(label: str, done: int, total: int | None) -> None:
        if time.monotonic() - last[0] > 60:
            last[0] = time.monotonic()
            print(title, label, done, "of", total, flush=True)

    return tell
