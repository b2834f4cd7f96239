"""Networks trained with class-specific gates beside their plain twins: trained, measured, compared.

Shared by csg_creatures.py and csg_cifar.py. Everything is kept in a work folder while it grows,
so that the same command goes on where a killed one was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from mint import machine

import interp_csg
from interp.context import Budget, Context
from interp.dataset import Dataset
from interp.folder import read_json, write_json
from interp.method import Measurement
from interp.model import ModelAdapter
from interp.registry import Registry
from interp.request import Request
from interp.run import fit
from interp.source import open_model
from interp.spec import ModelOptions
from interp_csg.features import look
from interp_csg.known import known_of
from interp_csg.metric import METRICS
from interp_csg.params import CsgParams
from interp_csg.switching import losses

DRAFT = Path(interp_csg.__file__).with_name("registry-draft.yaml")
KINDS = ("csg", "twin")


@dataclass(frozen=True, eq=False)
class Study:
    """One recipe on one data set: for each seed a network with gates, and its twin without."""

    model: str
    options: ModelOptions
    train: Dataset
    test: Dataset
    params: CsgParams
    seeds: tuple[int, ...]
    work: Path
    measures: dict[str, dict[str, Any]]
    """Metrics by a name of ours: {"metric": registered name, **parameters}."""

    @cached_property
    def registry(self) -> Registry:
        return Registry.load([DRAFT] if DRAFT.is_file() else [])

    def report(self) -> dict[str, Any]:
        """Numbers of every network, and CSG less twin, seed by seed."""
        found: dict[str, Any] = {kind: {} for kind in KINDS}
        for seed in self.seeds:
            for kind in KINDS:
                found[kind][str(seed)] = self.network(kind, seed)
        return {
            "machine": machine(),
            "model": self.model,
            "params": self.params.model_dump(mode="json", exclude_none=True),
            "images": {"train": len(self.train), "test": len(self.test)},
            **found,
            "csg_less_twin": dict(self._differences(found)),
        }

    def network(self, kind: str, seed: int) -> dict[str, Any]:
        """Train, if that is not done, and measure, if that is not."""
        folder = self.work / f"{kind}-{seed}"
        kept = folder.with_suffix(".json")
        known: dict[str, Any] = read_json(kept) if kept.is_file() else {}
        if known.get("measures") == self.measures:
            return known
        seconds = self._train(kind, seed, folder)
        model = open_model(str(folder), ModelOptions(), self.registry)
        seconds = seconds or known.get("train_seconds")
        found = {**self.measured(model), "train_seconds": seconds, "log": known_of(model).log}
        found["measures"] = self.measures
        write_json(kept, found)
        print(
            kind, seed, json.dumps({key: found[key] for key in found if key != "log"}), flush=True
        )
        return found

    def measured(self, model: ModelAdapter) -> dict[str, Any]:
        """Every measure on the test images, and what each class loses with its filters."""
        found: dict[str, Any] = {}
        for name, said in self.measures.items():
            known = known_of(model)
            if known.gates is None and (
                said["metric"] == "gate-density" or "gates" in said.values()
            ):
                continue
            kind = METRICS[said["metric"]]
            rest = {key: value for key, value in said.items() if key != "metric"}
            value = kind(kind.Params(**rest)).measure(model, self.test, Context())  # type: ignore[attr-defined, call-arg]
            found[name] = _plain(value)
        if known_of(model).gates is not None:
            found["switching"] = self._switching(model)
        return found

    def _train(self, kind: str, seed: int, folder: Path) -> float | None:
        """Seconds it took; None where it was trained before."""
        if folder.is_dir():
            return None
        begun = time.monotonic()
        params = self.params.model_copy(update={"gate": kind == "csg"})
        request = Request(
            method="csg",
            model=self.model,
            options=self.options,
            params=params.model_dump(mode="json", exclude_unset=True) | {"gate": params.gate},
            seed=seed,
            budget=Budget(),
        )
        fit(
            request,
            registry=self.registry,
            dataset=self.train,
            out=folder,
            resume=True,
            progress=_tell(f"{kind} {seed}"),
        )
        return round(time.monotonic() - begun, 1)

    def _switching(self, model: ModelAdapter) -> dict[str, float]:
        """Mean over classes: recall, without the class's own filters, and the others' change."""
        known = known_of(model)
        found = look(model, self.test, Context(), known.layer)
        rows = np.array(losses(known, found.values, found.labels, self.params.own))
        names = ("filters", "recall", "recall_without", "change_of_others")
        return {name: round(float(each), 4) for name, each in zip(names, rows.mean(0), strict=True)}

    def _differences(self, found: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for name in self.measures:
            pairs = [
                found["csg"][str(seed)][name]["value"] - found["twin"][str(seed)][name]["value"]
                for seed in self.seeds
                if name in found["twin"][str(seed)]
            ]
            if pairs:
                yield name, {"mean": round(float(np.mean(pairs)), 4), "each": pairs}


def detections(train: int) -> dict[str, dict[str, Any]]:
    """Both attacks, the detector learning from so many images."""
    return {
        f"{attack}_{measure}": {
            "metric": "adversarial-detection",
            "attack": attack,
            "measure": measure,
            "train": train,
        }
        for attack in ("fgsm", "pgd")
        for measure in ("auc", "error")
    }


def _plain(value: Measurement) -> dict[str, Any]:
    numbers = {"value": value.value, "low": value.low, "high": value.high}
    return {key: None if each is None else round(each, 4) for key, each in numbers.items()}


def _tell(title: str) -> Any:
    """A Progress that prints a line a minute."""
    last = [time.monotonic()]

    def tell(label: str, done: int, total: int | None) -> None:
        if time.monotonic() - last[0] > 60:
            last[0] = time.monotonic()
            print(title, label, done, "of", total, flush=True)

    return tell
