"""Decoupled networks beside plain twins: trained, measured, compared.

Shared by decoupling_creatures.py and decoupling_cifar.py. Networks and measurements are
stored in a work folder as they are made, so that the same command goes on where it was stopped.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from record import print_progress
from torch import Tensor

from interp.context import Context
from interp.dataset import Dataset
from interp.evaluation.bootstrap import compare
from interp.evaluation.detection import (
    Classifier,
    DetectionParams,
    attacked_features,
    detect,
    draw_by_class,
)
from interp.evaluation.dissection import thresholds
from interp.evidence import Table
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.request import Request
from interp.run import fit
from interp.session import Session
from interp.spec import ModelOptions
from interp.storage.folder import read_json, write_json
from interp.training.samples import Samples, labelled
from interp_csg.metric.mutual import score, table
from interp_decoupling.concept import active_cells, overlap, part_masks, read_values
from interp_decoupling.knowledge import DecouplingKnowledge, control_name
from interp_decoupling.metric import PathDetectionParams, pooled_maps
from interp_decoupling.params import DecouplingParams
from interp_decoupling.structure import find_places
from interp_decoupling.survey import combinations, maps_of, placed, survey

KINDS = ("decoupled", "twin")
ATTACKS = ("fgsm", "pgd")
CLASSIFIERS: tuple[Classifier, ...] = ("forest", "adaboost", "boosting")
STRENGTHS = (2, 8)
"""eps of an attack, in 255ths."""
LEARNED = (1, 5, 10)
"""Images a class that a detector learns from."""
REPEATS = 5
DEEP = 6
"""Layers, the last ones, whose filters are held against classes and parts."""
DETECTS = 0.04
"""IoU above which a filter counts as a detector of a part."""
TABLES = ("measures", "layers", "filters on together", "time")


@dataclass(frozen=True, eq=False)
class Study:
    """One recipe on one data set: for each seed a decoupled network, and its twin without modules.

    Both begin with the same trained network, and see the same images in the same order.
    """

    model: str
    options: ModelOptions
    train: Dataset
    test: Dataset
    attacked: Dataset
    params: DecouplingParams
    seeds: tuple[int, ...]
    work: Path
    twins: bool = True

    @property
    def context(self) -> Context:
        return Context(lookup=self.registry.get)

    @cached_property
    def registry(self) -> Registry:
        return Registry.load()

    def report(self) -> dict[str, Any]:
        """Numbers of the network as it was and of every one made of it, seed by seed."""
        kinds = KINDS if self.twins else KINDS[:1]
        found: dict[str, Any] = {
            kind: {str(seed): self.network(kind, seed) for seed in self.seeds} for kind in kinds
        }
        found["original"] = self.original()
        images = {"train": self.train, "test": self.test, "attacked": self.attacked}
        return {
            "model": self.model,
            "images": {name: len(each) for name, each in images.items()},
            **found,
        }

    def original(self) -> dict[str, Any]:
        """The trained network that the others begin with."""
        model = open_model(self.model, self.options, self.registry)
        found = self.plain(model, self.work / "original")
        print("original", found["accuracy"], json.dumps(found["filters"]), flush=True)
        return found

    def network(self, kind: str, seed: int) -> dict[str, Any]:
        """Train, if that is not done, and measure what is not."""
        folder = self.work / f"{kind}-{seed}"
        seconds = self.fitted(folder, {"gate": kind == "decoupled"}, seed)
        model = open_model(str(folder), ModelOptions(), self.registry)
        found = self._kept(folder, "seconds", lambda: {"train_seconds": seconds})
        about = read_json(folder / "knowledge.json")["about"]
        found |= {"params": about["params"], "log": about["log"]}
        if kind == "decoupled":
            found |= self._kept(folder, "survey", lambda: self.surveyed(model))
        found |= self.plain(
            model, folder, DecouplingKnowledge.of(model) if kind == "decoupled" else None
        )
        shown = {key: found[key] for key in ("accuracy", "filters", "measures") if key in found}
        print(kind, seed, json.dumps(shown), flush=True)
        return found

    def plain(
        self, model: ModelAdapter, folder: Path, known: DecouplingKnowledge | None = None
    ) -> dict[str, Any]:
        """What is measured of any network: accuracy, information in its filters, and attacks."""
        found = self._kept(folder, "accuracy", lambda: {"accuracy": self.accuracy(model)})
        found |= self._kept(folder, "filters", lambda: {"filters": self.filters(model)})
        return found | {"detection": self.detections(model, folder, known)}

    def fitted(self, folder: Path, changes: dict[str, Any], seed: int) -> float | None:
        """Seconds it took to train into the folder; None where that was done before."""
        if folder.is_dir():
            return None
        begun = time.monotonic()
        request = Request(
            method="decoupling",
            model=self.model,
            options=self.options,
            params=self.params.model_dump(mode="json", exclude_unset=True) | changes,
            seed=seed,
        )
        fit(
            request,
            Session(registry=self.registry, progress=print_progress(folder.name)),
            dataset=self.train,
            out=folder,
        )
        return round(time.monotonic() - begun, 1)

    def accuracy(self, model: ModelAdapter) -> float:
        """Share of test images whose top-1 is their label."""
        samples, right = labelled(model, self.test, self.context), 0
        for chosen, images in samples.batches(self.context, "looking at images"):
            scores = model.predict(images)
            right += int((scores.argmax(1).cpu().numpy() == samples.labels[chosen]).sum())
        return round(right / len(samples), 4)

    @cached_property
    def layers(self) -> dict[str, str]:
        """The last controlled convolutions, `DEEP` of them, and the batch norm after each."""
        plain = open_model(self.model, self.options, self.registry).module()
        return {each.name: each.norm or each.name for each in find_places(plain)[-DEEP:]}

    def _named(self, model: ModelAdapter, layer: str) -> str:
        """The layer whose output are the maps after batch norm, and gate."""
        inside = {each.name for each in model.layers()}
        return layer if control_name(layer) in inside else self.layers[layer]

    def filters(self, model: ModelAdapter) -> dict[str, Any]:
        """Two measures of single filters, for each of the last layers.

        Nats of mutual information with one class (mean over filters of the best class), and overlap
        with the part that each meets best (chosen on every other image, measured on the rest).
        """
        samples = labelled(model, self.test, self.context)
        samples = samples.part(np.arange(min(len(samples), self.params.surveyed)))
        found = {}
        for layer in self.layers:
            maps = maps_of(model, samples, self._named(model, layer), self.context)
            information = table(maps.mean((2, 3)), samples.labels, len(self.test.classes))
            found[layer] = {
                "nats": round(score(information), 4),
                **self._parts(model, samples, maps),
            }
        return found

    def _parts(self, model: ModelAdapter, samples: Samples, maps: np.ndarray) -> dict[str, float]:
        masks = self._masks(model, samples, maps.shape[2:])
        if not masks:
            return {}
        seen = samples.alternate()
        limits = thresholds(maps[seen], self.params.top)
        best = []
        for cells in np.moveaxis(active_cells(maps, limits), 1, 0):
            mask = max(masks.values(), key=lambda each: overlap(cells[seen], each[seen]))
            best.append(overlap(cells[~seen], mask[~seen]))
        return {
            "part_iou": round(float(np.mean(best)), 4),
            "detectors": round(float((np.array(best) > DETECTS).mean()), 4),
        }

    def _masks(
        self, model: ModelAdapter, samples: Samples, grid: tuple[int, int]
    ) -> dict[str, np.ndarray]:
        values = read_values(self.params.concepts, model.spec.classes)
        examples = placed(model, self.test, samples.places)
        return part_masks(examples, self.test.classes, values, grid, None)

    def surveyed(self, model: ModelAdapter) -> dict[str, Any]:
        """The tables of a survey of the test images, and combinations in all of the last layers."""
        known, context = DecouplingKnowledge.of(model), self.context
        found = survey(model, self.test, known, self.params, context)
        tables: dict[str, Any] = {
            each.name: {"columns": each.columns, "rows": each.rows}
            for each in found.evidence
            if isinstance(each, Table) and each.name in TABLES
        }
        if TABLES[2] in tables:
            tables["combinations in the last layer"] = _paired(tables[TABLES[2]]["rows"])
        seen = known.read_paths(model, self.test, context)
        values = read_values(self.params.concepts, model.spec.classes)
        for joined in ("mean", "union"):
            rows = []
            for layer in self.layers:
                params = self.params.model_copy(update={"concept_layer": layer, "joined": joined})
                for each in combinations(model, self.test, seen, known, params, values, context):
                    rows += each.rows
            if rows:
                tables[f"combinations by {joined}"] = _paired(rows)
        return tables

    def detections(
        self, model: ModelAdapter, folder: Path, known: DecouplingKnowledge | None
    ) -> dict[str, Any]:
        """AUC of every detector, attack by attack."""
        return {
            f"{attack} {eps}/255": self._kept(
                folder,
                f"{attack}-{eps}",
                lambda attack=attack, eps=eps: self._detected(model, known, attack, eps),  # type: ignore[misc]
            )
            for attack in ATTACKS
            for eps in STRENGTHS
        }

    def _detected(
        self, model: ModelAdapter, known: DecouplingKnowledge | None, attack: str, eps: int
    ) -> dict[str, Any]:
        params = PathDetectionParams(attack=attack, eps=eps / 255)
        layer = self._named(model, list(self.layers)[-1])
        seen = versions_of(model, self.attacked, params, layer, known, self.context)
        found: dict[str, Any] = {"fooled": round(seen.fooled, 4)}
        for of in ("features",) if known is None else ("path", "features"):
            for kind in CLASSIFIERS:
                for each in LEARNED:
                    aucs = [
                        auc(getattr(seen, of), seen.labels, each, kind, [0, r])
                        for r in range(REPEATS)
                    ]
                    area = {"mean": np.mean(aucs), "std": np.std(aucs)}
                    found[f"{of} {kind} {each}"] = {k: round(float(v), 4) for k, v in area.items()}
        return found

    def _kept(self, folder: Path, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What the file NAME beside the folder holds; measured and written if there is none."""
        file = folder.with_name(f"{folder.name}-{name}.json")
        if not file.is_file():
            write_json(file, make())
        measured: dict[str, Any] = read_json(file)
        return measured


@dataclass(frozen=True, eq=False)
class Versions:
    """Images as they are and attacked: their paths (N, F) and pooled features (N, K)."""

    path: tuple[np.ndarray, np.ndarray]
    features: tuple[np.ndarray, np.ndarray]
    labels: np.ndarray
    fooled: float
    """Share of the attacked that are not classified as their label."""


def versions_of(
    model: ModelAdapter,
    dataset: Dataset,
    params: DetectionParams,
    layer: str,
    known: DecouplingKnowledge | None,
    context: Context,
) -> Versions:
    """Every labelled image, clean and attacked: features of a layer, and paths where known."""
    samples = labelled(model, dataset, context)

    def read(images: Tensor) -> np.ndarray:
        codes = np.zeros((len(images), 0)) if known is None else known.codes(model, images)
        answers = model.predict(images).argmax(1).cpu().numpy()[:, None]
        return np.hstack([answers, codes, pooled_maps(model, images, layer)])

    clean, attacked = attacked_features(samples, params, context, read)
    end = 1 + (0 if known is None else sum(known.filters.values()))
    return Versions(
        (clean[:, 1:end], attacked[:, 1:end]),
        (clean[:, end:], attacked[:, end:]),
        samples.labels,
        float((attacked[:, 0] != samples.labels).mean()),
    )


def auc(
    versions: tuple[np.ndarray, np.ndarray],
    labels: np.ndarray,
    train: int,
    classifier: Classifier,
    seed: list[int],
) -> float:
    """Area under the ROC curve of a detector that learns from `train` images a class."""
    generator = np.random.default_rng(seed)
    return detect(*versions, draw_by_class(labels, train, generator), generator, classifier).auc()


def _paired(rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Combinations beside their best single filters: mean IoU, and the difference's interval."""
    both, single = (np.array([float(row[at]) for row in rows]) for at in (3, 5))
    less = compare(both, single, np.random.default_rng(0))
    return {
        "combinations": len(rows),
        "iou": round(float(both.mean()), 4),
        "best_single": round(float(single.mean()), 4),
        "difference": [round(float(v), 4) for v in (less.value, less.low, less.high)],  # type: ignore[arg-type]
        "better": round(float((both > single).mean()), 4),
    }
