"""What plugins implement: methods, renderers, parts of compositions, metrics, attacks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_origin

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from interp.errors import UnsupportedError
from interp.evidence import Evidence
from interp.explanation import Explanation
from interp.spec import Capability

if TYPE_CHECKING:
    from torch import Tensor

    from interp.context import Context
    from interp.dataset import Dataset, Example
    from interp.design import Design, Subject
    from interp.evaluation.case import Case
    from interp.knowledge import Knowledge
    from interp.model import ModelAdapter
    from interp.moments import Moments, Sums
    from interp.placement import Placement
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


@dataclass(frozen=True)
class Component:
    """A part that methods are composed of in a registry.yaml; made of its own parameters."""

    Params: ClassVar[type[Params]] = Params

    params: Any


@dataclass(frozen=True, eq=False)
class Experiment:
    """One image under one perturbation: what is perturbed, the states to try, where it lies."""

    subject: Subject
    design: Design
    placement: Placement


class Perturbation(Component, ABC):
    """A choice of parts and of how they are switched off."""

    @abstractmethod
    def bind(
        self, model: ModelAdapter, image: np.ndarray, count: int, context: Context
    ) -> Experiment:
        """The experiment on an image (H, W, 3) uint8, to be asked `count` times."""

    def tell(
        self,
        experiment: Experiment,
        values: np.ndarray,
        error: np.ndarray | None,
        about: dict[str, Any],
    ) -> list[Evidence]:
        """Importance (Q,) of the design's features, with its standard error, as evidence.

        `about` are Evidence's own fields, and the scores' unit. By default a heat map.
        """
        from interp.evidence import Heatmap

        spread = None if error is None else self.place(experiment, error)
        shown = self.place(experiment, values)
        return [Heatmap(name="map", values=shown, standard_error=spread, **about)]

    def place(self, experiment: Experiment, values: np.ndarray) -> np.ndarray:
        """A value per feature (Q,) in the original image's coordinates, (H, W)."""
        painted = experiment.design.paint(values).astype(np.float32)
        return experiment.placement.to_image(painted)


class Weighting(ABC):
    """How much each state counts."""

    anchors: ClassVar[bool] = True
    """Whether the two states that every design begins with, all on and all off, count at all."""

    @abstractmethod
    def weigh(self, design: Design, states: Tensor, scores: Tensor) -> Tensor:
        """Sample weights (B,), or (B, T) for weights per target; scores (B, T)."""


class Solver(Component, ABC):
    """Turns moments into weights, all targets in one solve."""

    second_order: ClassVar[bool] = True
    """Whether it needs the Gram matrix, or first-order sums suffice."""

    @abstractmethod
    def weights(self, sums: Sums, full: Tensor, empty: Tensor) -> Tensor:
        """Weights (T, 1 + Q) of a 1 and the features; full, empty (T,): scores of the anchors."""

    def solve(self, moments: Moments, sampled: bool = True) -> Solution:
        """Weights (T, Q) with held-out R^2 and standard errors where the states are sampled."""
        from interp.solve import Solution

        full, empty = moments.anchors()

        def solve(sums: Sums) -> Tensor:
            return self.weights(sums, full, empty)

        found = solve(moments.total)
        if not sampled or len(moments.buckets) < 2:
            return Solution(found[:, 1:])
        return Solution(
            found[:, 1:],
            r2=moments.cross_validate(solve) if self.second_order else None,
            standard_error=moments.jackknife(solve)[:, 1:],
        )


Truth = Literal["none", "label", "box", "mask", "parts"]
"""What has to be known of an image: its class, or where objects of the target's class lie."""


@dataclass(frozen=True)
class Measurement:
    """A metric's value with its 95 % confidence interval."""

    value: float
    unit: str
    higher_is_better: bool
    low: float | None = None
    high: float | None = None
    count: int = 0


class MetricParams(Params):
    """What every metric is asked."""

    images: int | None = Field(
        None, ge=1, description="measure the first so many images; none: every image"
    )


@dataclass(frozen=True)
class ExplanationMetric(ABC):
    """A number for one explanation of one image, from the model's answers or the image's truth.

    Its mean over images is what is reported. Subclasses set `Params`, what they need of the model
    (`needs`) and of the image (`needs_truth`), the unit and the direction.
    """

    Params: ClassVar[type[MetricParams]] = MetricParams
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PREDICT})
    needs_truth: ClassVar[Truth] = "none"
    unit: ClassVar[str] = ""
    higher_is_better: ClassVar[bool] = True

    params: Any

    def applies(self, example: Example, target: Target) -> bool:
        """Whether what is known of the image suffices; its labels are the model's classes."""
        from interp.evaluation.case import knows

        return knows(example, target, self.needs_truth)

    @abstractmethod
    def measure(self, case: Case) -> float:
        """The number; finite."""


@dataclass(frozen=True)
class ModelMetric(ABC):
    """A number for a model, or for what a method learned of it, on a data set."""

    Params: ClassVar[type[Params]] = Params

    params: Any

    @abstractmethod
    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """The metric's value."""


class Attack(ABC):
    """A way to move images a little so that a model errs."""

    @abstractmethod
    def perturb(
        self, model: ModelAdapter, images: Tensor, labels: Tensor, eps: float, steps: int
    ) -> Tensor:
        """Images (B, 3, h, w) in [0, 1], no pixel moved by more than eps; labels (B,) are true.

        `steps` are those of an attack that takes several.
        """
