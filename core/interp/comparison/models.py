"""The same methods on the same images of several models, side by side: a network and its twin."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import numpy as np

from interp.comparison.agreement import agreement, json_rows
from interp.comparison.result import Comparison, ComparisonRequest
from interp.comparison.verdict import NEAR
from interp.errors import InputError, about, nearest
from interp.explanation import Prediction
from interp.model import ModelAdapter
from interp.registry import Registry
from interp.short import listed
from interp.target import parse_target

PART = "model-{}"
"""The folder of a model's comparison, by the model's number from 1."""
CompareOne = Callable[[int, ComparisonRequest], Comparison]
"""Compares the methods on the model with this number."""


@dataclass(frozen=True, eq=False, repr=False)
class ModelComparison:
    """A comparison for each model: the same methods, images and targets."""

    comparisons: tuple[Comparison, ...]

    def __repr__(self) -> str:
        return f"ModelComparison({', '.join(self.models)}: {', '.join(self.methods)})"

    @classmethod
    def open(cls, folder: Path, registry: Registry | None = None) -> ModelComparison:
        """What compare_models_with_report saved. Raises InputError for another folder.

        `registry` names the packages that define its evidence, as for open_bundle.
        """
        return cls(tuple(Comparison.open(each, registry) for each in model_folders(folder)))

    @cached_property
    def models(self) -> list[str]:
        """What the models are called; those of one name have their source beside it."""
        names = [each.model.name for each in self.comparisons]
        sources = [each.model.source for each in self.comparisons]
        found = [
            name if names.count(name) == 1 else f"{name} ({source})"
            for name, source in zip(names, sources, strict=True)
        ]
        return [
            each if found.count(each) == 1 else f"{each} {at + 1}" for at, each in enumerate(found)
        ]

    @property
    def methods(self) -> list[str]:
        """The methods' names, in the order of the request."""
        return self.comparisons[0].methods

    def agreement(self, method: str, target: str, image: int = 0) -> np.ndarray:
        """Rank correlation of the models' maps of one method, (M, M); NaN where one has none.

        Raises InputError for a method, target or image that was not compared.
        """
        at = self._place(method, target, image)
        cells = [each.cases[image].cells[at] for each in self.comparisons]
        maps = [each.maps_by_target([target]).get(target) for each in cells]
        values = [None if each is None else each.map() for each in maps]
        return agreement(values, self.comparisons[0].model.input)

    def near(self, method: str, target: str, image: int = 0) -> bool | None:
        """Whether the models' maps are largest at one place; None where one has no peak.

        Raises InputError as agreement.
        """
        at = self._place(method, target, image)
        outcomes = [each.records[image].outcomes[at] for each in self.comparisons]
        found = [each.peak.get(target) for each in outcomes]
        peaks = [each for each in found if each is not None]
        if len(peaks) < len(found):
            return None
        return all(math.dist(peaks[0], each) <= NEAR for each in peaks)

    def _place(self, method: str, target: str, image: int) -> int:
        """The method's number. Raises InputError for what was not compared."""
        first = self.comparisons[0]
        at, targets = first.place(method, image), first.records[image].targets
        if target not in targets:
            raise InputError(f"target {target!r} was not compared; {nearest(target, targets)}")
        return at

    def sentences(self) -> list[str]:
        """What the models answer, and by which methods their maps are alike, in words."""
        if len(self.comparisons) < 2:
            return []
        return [*self._answers(), *map(self._alike, self.methods)]

    def facts(self) -> dict[str, Any]:
        """All numbers, as JSON."""
        return {
            "models": [each.facts() for each in self.comparisons],
            "names": self.models,
            "agreement": [
                {
                    "image": record.name,
                    "target": target,
                    "method": method,
                    "correlation": json_rows(self.agreement(method, target, image)),
                    "near": self.near(method, target, image),
                }
                for image, record in enumerate(self.comparisons[0].records)
                for target in record.targets
                for method in self.methods
            ],
            "verdict": self.sentences(),
        }

    def _answers(self) -> Iterator[str]:
        """On one image what each model says; on several, on how many they say the same."""
        answers = [[each.prediction for each in found.records] for found in self.comparisons]
        by_image = list(zip(*answers, strict=True))
        if len(by_image) == 1:
            said = [f"{m} says {_said(p)}" for m, p in zip(self.models, by_image[0], strict=True)]
            yield f"{listed(said)}."
            return
        same = sum(len({each.classes[0] for each in found}) == 1 for found in by_image)
        yield f"The models give the same answer on {same} of {len(by_image)} images."

    def _alike(self, method: str) -> str:
        """Whether the models' maps of a method point at the same place, and how alike they are."""
        places = [
            (target, image)
            for image, record in enumerate(self.comparisons[0].records)
            for target in record.targets
        ]
        upper = np.triu_indices(len(self.comparisons), 1)
        alike = np.array([self.agreement(method, *each)[upper].mean() for each in places])
        near = [self.near(method, *each) for each in places]
        known = [each for each in near if each is not None]
        if not known or not np.isfinite(alike).any():
            return f"{method}: not every model has a map to compare."
        number = f"{np.nanmean(alike):.2f}".replace("-", "−")
        if len(places) == 1:
            where = "at the same place" if known[0] else "at different places"
            return f"{method}: the maps are largest {where} (rank correlation {number})."
        return (
            f"{method}: the maps are largest at the same place on {sum(known)} of {len(known)} "
            f"images and targets (mean rank correlation {number})."
        )


def model_folders(folder: Path) -> list[Path]:
    """The folders of the models' comparisons, in order; none where there are none."""
    numbered = takewhile(Path.is_dir, (folder / PART.format(at) for at in count(1)))
    return list(numbered)


def check_targets(targets: Sequence[str], models: Sequence[ModelAdapter]) -> None:
    """Raise InputError, which names the model, where one has not the class of a target.

    Targets are classes of the first model. Those of a model that finds its classes on each image
    are not known before.
    """
    first = models[0]
    if first.focuses:
        return
    for model in models:
        name, source = model.spec.name, model.spec.source
        with about(f"model {name}" if name == source else f"model {name} ({source})"):
            for text in () if model.focuses else targets:
                parse_target(parse_target(text, first.spec.classes).name, model.spec.classes)


def compare_models(
    request: ComparisonRequest, models: Sequence[str], compare_one: CompareOne
) -> ModelComparison:
    """Compare the methods on each model, named by its source, in turn.

    Without targets, the first model's best class is explained on all of them. Raises InputError for
    fewer than two models, and for several images without targets, whose best classes would differ.
    """
    if len(models) < 2:
        raise InputError(f"found {len(models)} model; name another one to set beside it")
    single = request.data is None and len(request.images) == 1
    if not request.targets and not single:
        raise InputError(
            "found several images and no target; name the class that all models are to explain"
        )
    found: list[Comparison] = []
    for at, source in enumerate(models):
        targets = found[0].records[0].targets if found else request.targets
        asked = request.model_copy(update={"model": source, "targets": targets})
        found.append(compare_one(at, asked))
    return ModelComparison(tuple(found))


def _said(answer: Prediction) -> str:
    score = answer.probabilities[0]
    return f"{answer.classes[0]} ({score:{'.2f' if answer.unit == 'probability' else '.4g'}})"
