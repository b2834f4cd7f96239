"""What evaluations say of a method: on how many measures it beats the maps that see no model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from interp.errors import InputError
from interp.evaluation.folder import RESULTS
from interp.evaluation.request import MetricSpec
from interp.model import ModelAdapter
from interp.registry import Registry
from interp.registry.manifest import EvaluationEntry
from interp.spec import Capability, ModelSpec
from interp.storage.folder import read_json


class Facts(BaseModel):
    """Base of what is read from an evaluation's file; what is not needed is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Mean(Facts):
    """A mean over images, or a difference of two, with its 95 % interval."""

    value: float
    low: float | None
    high: float | None
    images: int

    def sign(self) -> int:
        """1 or -1 where the interval lies above or below 0, else 0; 0 too for a single image."""
        if self.low is None or self.high is None:
            return 0
        return (self.low > 0) - (self.high < 0)


class Cell(Mean):
    """A method's mean by one metric, and its difference to each blind map on the same images."""

    less: dict[str, Mean] = {}


class EvaluationSummary(Facts):
    """The table of an evaluation, as `interp evaluate` wrote it."""

    model: ModelSpec
    size: int
    metrics: dict[str, MetricSpec]
    table: dict[str, dict[str, Cell]]

    @classmethod
    def read(cls, path: Path) -> EvaluationSummary:
        """The summary in a folder of `interp evaluate`, or in its file. Raises InputError."""
        file = path / RESULTS if path.is_dir() else path
        try:
            return cls.model_validate(read_json(file))
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(
                f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg'].lower()}; "
                "expected a folder that interp evaluate wrote"
            ) from error


@dataclass(frozen=True)
class Verdict:
    """How often a method beats the blind maps of an evaluation, beyond chance.

    A pair is one metric and one blind map. `better` and `worse` count the pairs in which the 95 %
    interval of the difference leaves 0 on that side.
    """

    evaluation: str
    images: int
    better: int
    worse: int
    pairs: int
    same_model: bool
    """Whether the evaluation is of the model that is explained, not of another one of its kind."""

    @property
    def score(self) -> float:
        """From -1, worse than every blind map by every metric, to 1."""
        return (self.better - self.worse) / self.pairs

    def __str__(self) -> str:
        whose = "" if self.same_model else ", another model of this kind"
        worse = f", worse in {self.worse}" if self.worse else ""
        return (
            f"better than blind maps in {self.better} of {self.pairs} comparisons{worse} "
            f"({self.evaluation}{whose}, {self.images} images)"
        )


@dataclass(frozen=True)
class Evaluations:
    """The evaluations that concern a model: of itself, or else of another one of its kind."""

    named: Mapping[str, EvaluationSummary]
    same_model: bool

    @classmethod
    def of(
        cls, registry: Registry, model: ModelAdapter, folders: Iterable[Path] = ()
    ) -> Evaluations:
        """Those that are registered and those in `folders`, which are of any model.

        Kinds are told by the layout of the last map: tokens, as transformers have, or a grid.
        """
        named = {str(each): EvaluationSummary.read(each) for each in folders}
        kind = _is_of_tokens(model)
        entries = [e for e in registry.entries("evaluation") if isinstance(e, EvaluationEntry)]
        alike = {}
        for each in entries:
            if kind is not None and (each.layout == "tokens") == kind:
                alike[each.name] = EvaluationSummary.read(Path(registry.get(each.kind, each.name)))
        every = {**alike, **named}
        own = {
            name: each
            for name, each in every.items()
            if each.model.fingerprint == model.spec.fingerprint
        }
        return cls(own or every, bool(own))

    def verdict(self, method: str) -> Verdict | None:
        """What the evaluations say of a method, added up; None where none measured it."""
        differences = list(self._differences(method))
        if not differences:
            return None
        return Verdict(
            evaluation=" and ".join(
                name for name, each in self.named.items() if _has(each, method)
            ),
            images=min(mean.images for mean, _ in differences),
            better=sum(mean.sign() == (1 if up else -1) for mean, up in differences),
            worse=sum(mean.sign() == (-1 if up else 1) for mean, up in differences),
            pairs=len(differences),
            same_model=self.same_model,
        )

    def _differences(self, method: str) -> Iterator[tuple[Mean, bool]]:
        """Each difference to a blind map, and whether higher is better."""
        for each in self.named.values():
            for metric, cells in each.table.items():
                if method in cells:
                    up = each.metrics[metric].higher_is_better
                    yield from ((less, up) for less in cells[method].less.values())


def _has(summary: EvaluationSummary, method: str) -> bool:
    return any(method in cells for cells in summary.table.values())


def _is_of_tokens(model: ModelAdapter) -> bool | None:
    """Whether the model's last map is made of tokens; None for one that shows no layers."""
    if Capability.ACTIVATIONS not in model.capabilities:
        return None
    maps = model.maps()
    return bool(maps) and maps[-1].layout == "tokens"
