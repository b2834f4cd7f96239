"""What a plugin implements: methods, renderers and attacks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from interp.context import Context
from interp.dataset import Dataset
from interp.errors import UnsupportedError
from interp.evidence import Evidence
from interp.explanation import Explanation
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.params import Params
from interp.spec import Capability
from interp.target import Target

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Method(ABC):
    """A method of explaining. A subclass sets `Params` and `needs`, and implements what it offers.

    class Brightness(Method):
        def explain(self, model, images, targets, knowledge, context): ...
    """

    Params: ClassVar[type[Params]] = Params
    """The class of its parameters."""
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PREDICT})
    """What it needs of the model; checked before it is called."""

    params: Any

    def explain(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Target],
        knowledge: Knowledge | None,
        context: Context,
    ) -> Explanation:
        """Explain the scores of each target on original images, (H, W, 3) uint8 RGB.

        `knowledge` is what `fit` learned, or None. Evidence is in each image's own coordinates;
        model.prepare gives the model's input and the mapping between the two.
        """
        raise UnsupportedError(f"{type(self).__name__} explains no single image")

    def fit(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Knowledge:
        """Learn what the method needs of a model before it can explain."""
        raise UnsupportedError(f"{type(self).__name__} has nothing to learn")

    def merge(self, parts: Sequence[Knowledge]) -> Knowledge:
        """Join what `fit` learned in parts, each by a process with its own Budget.shard."""
        raise UnsupportedError(f"{type(self).__name__} does not learn in parts")

    def survey(
        self, model: ModelAdapter, dataset: Dataset, knowledge: Knowledge | None, context: Context
    ) -> Explanation:
        """Explain the model's classes or a data set, not a single image."""
        raise UnsupportedError(f"{type(self).__name__} has no class-level view")


@dataclass(frozen=True)
class Style:
    """How evidence is drawn; one style for all pictures of a comparison."""

    scale: float | None = None
    """Importance at the end of the colour scale; None: the largest in the evidence."""
    opacity: float = 0.6
    """Opacity of a map over its image, 0 to 1."""
    threshold: float = 0.0
    """Values below this share of the scale are not drawn, 0 to 1."""
    width: int = 360
    """Width of the picture in pixels, without its legend."""


class Renderer(ABC):
    """Draws evidence of one kind."""

    @abstractmethod
    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        """The picture with its legend, (h, w, 3) uint8 RGB; image (H, W, 3) uint8 RGB, if any."""


class Attack(ABC):
    """An adversarial attack: changes images a little so that a model errs."""

    @abstractmethod
    def perturb(
        self, model: ModelAdapter, images: Tensor, labels: Tensor, eps: float, steps: int
    ) -> Tensor:
        """Perturbed images (B, 3, h, w) in [0, 1], no value changed by more than eps.

        labels (B,) are the true classes; `steps` is the number of steps of an iterative attack.
        """
