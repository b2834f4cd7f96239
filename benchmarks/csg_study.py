"""Networks trained with class-specific gates beside their plain twins: trained, measured, compared.

Shared by csg_creatures.py and csg_cifar.py. Networks and measurements are stored in a work folder
as they are made, so that the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from class_switching import contributing, halves, switching
from record import print_progress
from study import report

from interp.context import Context
from interp.dataset import Dataset
from interp.evaluation.bootstrap import compare
from interp.evaluation.detection import Detection, detect, draw_images
from interp.evaluation.dissection import thresholds
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.request import Request
from interp.run import fit
from interp.session import Session
from interp.spec import ModelOptions
from interp.storage.folder import read_json, write_json
from interp.training.samples import labelled
from interp_csg.features import read_features
from interp_csg.knowledge import CsgKnowledge
from interp_csg.metric.measure import AdversarialDetection, AdversarialParams
from interp_csg.metric.mutual import table
from interp_csg.params import CsgParams
from interp_csg.switching import losses
from interp_csg.view import View
from interp_decoupling.concept import active_cells, overlap, part_masks
from interp_decoupling.survey import placed
from interp_standard.localize import energy, pointing

KINDS = ("csg", "twin")
MEASURES: dict[str, dict[str, Any]] = {
    "accuracy": {"metric": "csg-accuracy"},
    "mis": {"metric": "mutual-information"},
    "density": {"metric": "gate-density"},
    "filter_correlation": {"metric": "filter-correlation"},
    "class_correlation": {"metric": "class-correlation"},
    "gate_correlation": {"metric": "class-correlation", "of": "gates"},
}
ATTACKS = ("fgsm", "pgd")
STRENGTHS = (2, 8)
"""eps of an attack, in 255ths."""
REPEATS = 5
"""Draws of the images that a detector learns from."""
RESAMPLES = 500
TOP = 0.1
"""Share of a filter's cells that count as its own, where it is held against parts."""
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Start:
    """The plain training that comes before the gates: its images and parameters."""

    train: Dataset
    params: CsgParams


@dataclass(frozen=True, eq=False)
class Study:
    """One recipe on one data set: for each seed a network with gates, and its twin without.

    `placed` are images whose class-defining parts are known, if there are any. Where there is a
    `start`, both networks of a seed go on from the same one, trained by it from random weights.
    """

    model: str
    options: ModelOptions
    train: Dataset
    test: Dataset
    attacked: Dataset
    placed: Dataset | None
    params: CsgParams
    seeds: tuple[int, ...]
    work: Path
    measures: dict[str, dict[str, Any]]
    """Metrics by a name of ours: {"metric": registered name, **parameters}."""
    detector: int
    """Number of images, clean and attacked, that a detector is trained on."""
    start: Start | None = None

    @property
    def context(self) -> Context:
        return Context(lookup=self.registry.get)

    @cached_property
    def registry(self) -> Registry:
        return Registry.load()

    def run(self, arguments: argparse.Namespace, name: str) -> None:
        """Train the one network of `--train KIND-SEED`, or measure all and record that.

        `--trained` notes where networks were trained that lie in the work folder already.
        """
        if arguments.train:
            kind, _, seed = arguments.train.partition("-")
            self._train(kind, int(seed), self.work / arguments.train)
            return
        report(arguments, name, self.work, {"trained": arguments.trained, **self.report()})

    def report(self) -> dict[str, Any]:
        """Numbers of every network, and CSG less twin."""
        found: dict[str, Any] = {kind: {} for kind in KINDS}
        arrays: dict[str, list[Arrays]] = {kind: [] for kind in KINDS}
        for seed in self.seeds:
            for kind in KINDS:
                found[kind][str(seed)] = self.network(kind, seed)
                arrays[kind].append(dict(np.load(self.work / f"{kind}-{seed}.npz")))
        images = {"train": self.train, "test": self.test, "attacked": self.attacked}
        if self.start:
            images["start"] = self.start.train
        return {
            "model": self.model,
            "start": self.start and _said(self.start.params),
            "params": _said(self.params),
            "images": {name: len(each) for name, each in images.items()},
            **found,
            "csg_less_twin": dict(self._differences(arrays["csg"], arrays["twin"])),
        }

    def network(self, kind: str, seed: int) -> dict[str, Any]:
        """Train, if that is not done, and measure, if that is not."""
        folder = self.work / f"{kind}-{seed}"
        file = folder.with_suffix(".json")
        if file.is_file():
            measured: dict[str, Any] = read_json(file)
            return measured
        seconds = self._train(kind, seed, folder)
        model = open_model(str(folder), ModelOptions(), self.registry)
        arrays = self.arrays(model)
        np.savez_compressed(folder.with_suffix(".npz"), **arrays)  # type: ignore[arg-type]
        found = {**_means(arrays), **self.measured(model), "train_seconds": seconds}
        print(kind, seed, json.dumps(found), flush=True)
        found["log"] = CsgKnowledge.of(model).log
        write_json(file, found)
        return found

    def measured(self, model: ModelAdapter) -> dict[str, Any]:
        """Every measure on the test images, localization on those whose objects are known, and what
        each class loses with its filters.
        """
        found: dict[str, Any] = {}
        known = CsgKnowledge.of(model)
        for name, measure in self.measures.items():
            of_gates = measure["metric"] == "gate-density" or "gates" in measure.values()
            if known.gates is None and of_gates:
                continue
            kind = self.registry.get("metric", measure["metric"])
            rest = {key: value for key, value in measure.items() if key != "metric"}
            placed = measure["metric"].endswith("localization") and self.placed is not None
            shown = self.placed if placed else self.test
            value = kind(kind.Params(**rest)).measure(model, shown, self.context)
            numbers = {"value": value.value, "low": value.low, "high": value.high}
            found[name] = {k: None if v is None else round(v, 4) for k, v in numbers.items()}
        if known.gates is not None:
            found["switching"] = self._switching(model)
        return found | {"switching_by_contribution": self._switching_by_contribution(model)}

    def arrays(self, model: ModelAdapter) -> dict[str, np.ndarray]:
        """What differences are taken of: image by image, filter by filter, detector by detector."""
        seen = read_features(model, self.test, self.context)
        information = table(seen.values, seen.labels, len(model.spec.classes)).max(0)
        found = {"accuracy": seen.right.astype(float), "mis": information}
        if self.placed is not None:
            found |= self._located(model, self.placed) | self._parts(model, self.placed)
        return found | self._detected(model)

    def _train(self, kind: str, seed: int, folder: Path) -> float | None:
        """Seconds it took; None where it was trained before."""
        if folder.is_dir():
            return None
        source = self._begun(seed)
        begun = time.monotonic()
        params = self.params.model_copy(update={"gate": kind == "csg"})
        self._fit(source, self.train, params, seed, folder)
        return round(time.monotonic() - begun, 1)

    def _begun(self, seed: int) -> str:
        """The model that both networks of a seed go on from."""
        if self.start is None:
            return self.model
        folder = self.work / f"start-{seed}"
        if not folder.is_dir():
            self._fit(self.model, self.start.train, self.start.params, seed, folder)
        return str(folder)

    def _fit(
        self, source: str, dataset: Dataset, params: CsgParams, seed: int, folder: Path
    ) -> None:
        request = Request(
            method="csg",
            model=source,
            options=self.options,
            params=params.model_dump(mode="json", exclude_unset=True) | {"gate": params.gate},
            seed=seed,
        )
        fit(
            request,
            Session(registry=self.registry, progress=print_progress(folder.name)),
            dataset=dataset,
            out=folder,
        )

    def _switching(self, model: ModelAdapter) -> dict[str, float]:
        """Mean over classes: recall, without the class's own filters, and the others' change."""
        known = CsgKnowledge.of(model)
        found = read_features(model, self.test, self.context, known.layer)
        rows = np.array(losses(known, found.values, found.labels, self.params.own))
        names = ("filters", "recall", "recall_without", "change_of_others")
        return {name: round(float(each), 4) for name, each in zip(names, rows.mean(0), strict=True)}

    def _switching_by_contribution(self, model: ModelAdapter) -> dict[str, float]:
        """The same for any network: filters chosen on every other image, measured on the rest."""
        known = CsgKnowledge.of(model)
        seen = read_features(model, self.test, self.context, known.layer)
        learned, scored = halves(seen)
        filters = contributing(*learned, known.weight)
        rows = switching(*scored, known.weight, known.bias, filters)
        return {name: round(float(each.mean()), 4) for name, each in rows.items()}

    def _located(self, model: ModelAdapter, dataset: Dataset) -> dict[str, np.ndarray]:
        """Share of the true class's map in its defining parts, and whether its maximum is there:
        of the sum over all filters (CAM), and over the class's own.
        """
        known, rows = CsgKnowledge.of(model), []
        for example in dataset:
            assert example.label is not None  # noqa: S101 - creatures are labelled
            view = View(model, example.image, 0, known, self.params)
            defining = [part for each in example.instances for part in each.parts if part.defining]
            parts = np.any([part.mask for part in defining if part.mask is not None], 0)
            weights = known.weight[example.label]
            shown = {"cam": weights}
            if known.gates is not None:
                own = known.filters(example.label, self.params.own)
                shown["own"] = np.where(np.isin(np.arange(len(weights)), own), weights, 0)
            row = {}
            for name, each in shown.items():
                seen = view.map(each)
                row[f"{name}_energy"] = energy(seen, parts)
                row[f"{name}_pointing"] = pointing(seen, parts)
            rows.append(row)
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}

    def _parts(self, model: ModelAdapter, dataset: Dataset) -> dict[str, np.ndarray]:
        """IoU of each filter with the part that it meets best, which every other image chooses."""
        samples, layer = labelled(model, dataset, self.context), CsgKnowledge.of(model).layer
        maps = np.concatenate(
            [
                model.activations(images, [layer])[layer].relu().cpu().numpy()
                for _, images in samples.batches(self.context, "reading maps")
            ]
        )
        examples = placed(model, dataset, samples.places)
        masks = part_masks(
            examples, dataset.classes, {}, maps.shape[2:], model.layer(layer).field
        ).values()
        seen = samples.alternate()
        best = []
        for cells in np.moveaxis(active_cells(maps, thresholds(maps[seen], TOP)), 1, 0):
            mask = max(masks, key=lambda each: overlap(cells[seen], each[seen]))
            best.append(overlap(cells[~seen], mask[~seen]))
        return {"part_iou": np.array(best)}

    def _detected(self, model: ModelAdapter) -> dict[str, np.ndarray]:
        """Of each attack the judgements of all detectors, (REPEATS, 3, n): row, clean, attacked."""
        found = {}
        for kind in ATTACKS:
            for eps in STRENGTHS:
                params = AdversarialParams(attack=kind, eps=eps / 255)
                versions = AdversarialDetection(params).versions(model, self.attacked, self.context)
                judged = []
                for each in range(REPEATS):
                    generator = np.random.default_rng([0, each])
                    seen = draw_images(len(versions[0]), self.detector, generator)
                    judged.append(detect(*versions, seen, generator))
                found[f"{kind} {eps}/255"] = np.array(
                    [[each.rows, each.clean, each.attacked] for each in judged]
                )
        return found

    def _differences(self, csg: list[Arrays], twin: list[Arrays]) -> Iterator[tuple[str, Any]]:
        """CSG less twin with 95 % intervals: over images (means of all seeds), over filters (of
        all seeds), or over the images that detectors were judged on.
        """
        pairs = [(name, name) for name in twin[0]]
        pairs += [(own, own.replace("own", "cam")) for own in csg[0] if own.startswith("own")]
        for name, other in pairs:
            first, second = (
                [each[key] for each in kind] for kind, key in ((csg, name), (twin, other))
            )
            if name.startswith(ATTACKS):
                low, value, high = _aucs(first, second, len(self.attacked))
            else:
                join = np.concatenate if name in ("mis", "part_iou") else np.mean
                found = compare(join(first, 0), join(second, 0), np.random.default_rng(0))
                low, value, high = found.low, found.value, found.high  # type: ignore[assignment]
            title = name if name == other else f"{name}, less the twin's {other}"
            yield title, {"value": round(value, 4), "low": round(low, 4), "high": round(high, 4)}


def _said(params: CsgParams) -> dict[str, Any]:
    found: dict[str, Any] = params.scheduled().model_dump(mode="json")
    return found


def _means(arrays: Arrays) -> dict[str, float]:
    """A number for each array."""
    return {
        name: round(_auc(each) if name.startswith(ATTACKS) else float(each.mean()), 4)
        for name, each in arrays.items()
    }


def _auc(judged: np.ndarray, times: np.ndarray | None = None) -> float:
    """Mean over detectors of the area under the ROC curve, image i counting times[i]."""
    areas = []
    for rows, clean, attacked in judged:
        at = rows.astype(int)
        areas.append(Detection(at, clean, attacked).auc(None if times is None else times[at]))
    return float(np.mean(areas))


def _aucs(
    first: list[np.ndarray], second: list[np.ndarray], count: int
) -> tuple[float, float, float]:
    """Low, value and high of a difference of areas, its images drawn again."""
    random = np.random.default_rng(0)

    def less(times: np.ndarray | None) -> float:
        one, other = (np.mean([_auc(each, times) for each in kind]) for kind in (first, second))
        return float(one - other)

    drawn = [
        less(np.bincount(random.integers(count, size=count), minlength=count))
        for _ in range(RESAMPLES)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), less(None), float(high)
