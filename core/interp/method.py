"""What plugins implement: methods, renderers, perturbations, weightings, solvers, metrics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, get_origin

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from interp.errors import UnsupportedError
from interp.evidence import Evidence
from interp.explanation import Explanation
from interp.spec import Capability

if TYPE_CHECKING:
    from torch import Tensor

    from interp.context import Context
    from interp.dataset import Dataset
    from interp.design import Design, Subject
    from interp.knowledge import Knowledge
    from interp.model import ModelAdapter
    from interp.moments import Moments
    from interp.solve import Solution
    from interp.target import Target


class Params(BaseModel):
    """Parameters of a method; each field has a default, a description, and bounds if any."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _alone(cls, value: Any, info: ValidationInfo) -> Any:
        """A single value where a list is expected is a list of one."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        listed = get_origin(annotation) is tuple and not isinstance(value, list | tuple)
        return (value,) if listed else value


@dataclass(frozen=True)
class Method(ABC):
    """A thing that explains: subclasses set `Params` and `needs`, and offer what they can."""

    Params: ClassVar[type[Params]] = Params
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PREDICT})

    params: Any

    def explain(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Target],
        knowledge: Knowledge | None,
        context: Context,
    ) -> Explanation:
        """Evidence about original images, (H, W, 3) uint8 RGB, for each target."""
        raise UnsupportedError(f"{type(self).__name__} explains no single image")

    def fit(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Knowledge:
        """What the method has to learn of a model first."""
        raise UnsupportedError(f"{type(self).__name__} has nothing to learn")

    def merge(self, parts: Sequence[Knowledge]) -> Knowledge:
        """One knowledge of what `fit` learned in parts (budget.shard)."""
        raise UnsupportedError(f"{type(self).__name__} does not learn in parts")

    def survey(
        self, model: ModelAdapter, dataset: Dataset, knowledge: Knowledge | None, context: Context
    ) -> Explanation:
        """Class- and data-set-level evidence, of no single image."""
        raise UnsupportedError(f"{type(self).__name__} has no class-level view")


@dataclass(frozen=True)
class Style:
    """How evidence is drawn; one style across a comparison."""

    scale: float | None = None
    """Importance at the end of the colour scale; None: the evidence's own largest."""
    opacity: float = 0.6
    threshold: float = 0.0
    """Share of the scale below which nothing is drawn."""
    width: int = 360
    """Pixels of the picture without its legend."""


class Renderer(ABC):
    """Turns evidence of one kind into a picture."""

    @abstractmethod
    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        """The picture, (h, w, 3) uint8 RGB, with its legend; image (H, W, 3) uint8 RGB."""


class Perturbation(ABC):
    """A choice of parts and of how they are switched off."""

    @abstractmethod
    def bind(self, subject: Subject, targets: Sequence[Target], context: Context) -> Design:
        """The experiment on this subject."""


class Weighting(ABC):
    """How much each state counts."""

    @abstractmethod
    def weigh(self, design: Design, states: Tensor, scores: Tensor) -> Tensor:
        """Sample weights (B,), or (B, T) for weights per target; scores (B, T)."""


class Solver(ABC):
    """Turns moments into weights, all targets in one solve."""

    @abstractmethod
    def solve(self, moments: Moments) -> Solution:
        """Weights (T, P) with held-out R^2 and standard errors."""


@dataclass(frozen=True)
class Measurement:
    """A metric's value with its 95 % confidence interval."""

    value: float
    unit: str
    higher_is_better: bool
    low: float | None = None
    high: float | None = None
    count: int = 0


class ExplanationMetric(ABC):
    """Measures an explanation of one image against the model or the image's truth."""

    @abstractmethod
    def measure(
        self, explanation: Explanation, model: ModelAdapter, context: Context
    ) -> Measurement:
        """The metric's value."""


class ModelMetric(ABC):
    """Measures a model on a data set."""

    @abstractmethod
    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """The metric's value."""
