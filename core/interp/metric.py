"""Metrics of an explanation of an image, and metrics of a model on a data set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from pydantic import Field

from interp.context import Context
from interp.dataset import Dataset, Example, Instance
from interp.engine.design import ImageSubject
from interp.explanation import Explanation
from interp.lazy_type import Tensor
from interp.model import ModelAdapter
from interp.network.placement import Placement
from interp.params import Params
from interp.spec import Capability
from interp.target import Target

Truth = Literal["none", "label", "box", "mask", "parts"]
"""What must be known of an image: its class, or where the objects of the target's class are."""


@dataclass(frozen=True)
class Measurement:
    """A metric's value, with its 95 % confidence interval from low to high where it is known."""

    value: float
    unit: str
    higher_is_better: bool
    low: float | None = None
    high: float | None = None
    count: int = 0
    """The number of images behind it."""
    notes: tuple[str, ...] = ()
    """What was assumed about the model, and left out of the data, one sentence each."""

    def beyond_chance(self) -> int:
        """Of a difference: 1 where its interval is for the better, -1 for the worse, else 0."""
        if self.low is None or self.high is None:
            return 0
        sign = (self.low > 0) - (self.high < 0)
        return sign if self.higher_is_better else -sign

    def plain(self) -> dict[str, Any]:
        """The numbers, for JSON."""
        return {"value": self.value, "low": self.low, "high": self.high, "images": self.count}


class MetricParams(Params):
    """Parameters of every metric of explanations."""

    images: int | None = Field(
        None, ge=1, description="number of images to measure, from the first on; none: all"
    )


@dataclass(frozen=True)
class ExplanationMetric(ABC):
    """A metric of one explanation of one image; its mean over images is reported.

    A subclass sets `Params`, what it needs of the model (`needs`) and of the image (`needs_truth`),
    the unit and whether higher is better.
    """

    Params: ClassVar[type[MetricParams]] = MetricParams
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PREDICT})
    needs_truth: ClassVar[Truth] = "none"
    unit: ClassVar[str] = ""
    higher_is_better: ClassVar[bool] = True
    on_request: ClassVar[bool] = False
    """Whether it is measured only where it is named: one that is slow, or whose package may be
    absent."""

    params: Any

    def applies(self, example: Example, target: Target) -> bool:
        """Whether enough is known of the image; its labels are indices of the model's classes."""
        return knows(example, target, self.needs_truth)

    @abstractmethod
    def measure(self, case: MetricCase) -> float | Sequence[float]:
        """The metric's value for this case, a finite number.

        Of a metric with a setting, such as a threshold: the value at each setting. The one that is
        best on one half of the images is used on the other half.
        """


@dataclass(frozen=True)
class ModelMetric(ABC):
    """A metric of a model, or of what a method learned of it, on a data set."""

    Params: ClassVar[type[Params]] = Params

    params: Any

    @abstractmethod
    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """The metric's value."""


class Again(Protocol):
    """The same method's explanation with another seed, model, image or target."""

    def __call__(
        self,
        seed: int,
        model: ModelAdapter,
        image: np.ndarray | None = None,
        target: Target | None = None,
    ) -> Explanation:
        """The explanation of an image (H, W, 3) uint8, or (H, W, C) in [0, 1]; None: the case's."""


@dataclass(frozen=True, eq=False)
class MetricCase:
    """A method's explanation of one target on one image, and what a metric may use to judge it."""

    explanation: Explanation
    model: ModelAdapter
    target: Target
    example: Example
    """The image and what is known of it; labels are indices of the model's classes."""
    context: Context
    """Its cache is shared by all methods: designs of the image alone are answered once."""
    again: Again
    """again(seed, model): the same method's explanation with another seed or of another model."""
    kept: dict[str, Any]
    """What the metric stores here stays from image to image."""

    @cached_property
    def map(self) -> np.ndarray:
        """Importance per pixel of the image, (H, W), signed."""
        return self.explanation.map()

    @property
    def image(self) -> np.ndarray:
        """The original image, (H, W, 3) uint8 RGB."""
        return self.example.image

    @property
    def instances(self) -> list[Instance]:
        """The objects of the target's class."""
        return instances_of(self.example, self.target)

    def explain(
        self,
        seed: int | None = None,
        model: ModelAdapter | None = None,
        image: np.ndarray | None = None,
        target: Target | None = None,
    ) -> np.ndarray:
        """The same method's map, (H, W), with another seed, model, image or target."""
        other = {"image": image, "target": target}
        given: dict[str, Any] = {name: each for name, each in other.items() if each is not None}
        seed = self.context.seed if seed is None else seed
        return self.again(seed, model or self.model, **given).map()

    @cached_property
    def subject(self) -> ImageSubject:
        """The image at the model's input size, as the subject of a design."""
        return ImageSubject(self.model, *self._prepared)

    @property
    def pixels(self) -> Tensor:
        """The model's input, (3, h, w) RGB in [0, 1], or (C, h, w)."""
        return self._prepared[0]

    def over_input(self, values: np.ndarray) -> np.ndarray:
        """A map (H, W) over the model's input, (h, w); padding gets the map's smallest value."""
        return self._prepared[1].to_input(values, pad=float(values.min()))

    @cached_property
    def _prepared(self) -> tuple[Tensor, Placement]:
        return self.model.prepare(self.image)


def instances_of(example: Example, target: Target) -> list[Instance]:
    """The objects of the target's class; labels are indices of the model's classes."""
    return [each for each in example.instances if each.label == target.index]


def knows(example: Example, target: Target, truth: Truth) -> bool:
    """Whether this much is known of the image and the target's class."""
    found = instances_of(example, target)
    if truth == "mask":
        return any(each.mask is not None for each in found)
    if truth == "parts":
        return any(part.mask is not None for each in found for part in each.parts)
    if truth == "label":
        return example.label is not None
    return truth == "none" or bool(found)
