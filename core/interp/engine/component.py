"""The parts that methods are composed of: perturbations, weightings and solvers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from interp.context import Context
from interp.engine.design import Design, Subject
from interp.engine.moments import Moments, Sums
from interp.engine.solve import Solution
from interp.evidence import Evidence, Heatmap
from interp.model import ModelAdapter
from interp.network.placement import Placement
from interp.params import Params
from interp.spec import Capability

if TYPE_CHECKING:
    from torch import Tensor


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

    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PREDICT})

    @abstractmethod
    def bind(
        self, model: ModelAdapter, image: np.ndarray, count: int, context: Context
    ) -> Experiment:
        """The experiment on an image (H, W, 3) uint8, to be asked `count` times."""

    def to_evidence(
        self,
        experiment: Experiment,
        values: np.ndarray,
        error: np.ndarray | None,
        about: dict[str, Any],
    ) -> list[Evidence]:
        """Importance (Q,) of the design's features, with its standard error, as evidence.

        `about` are Evidence's own fields, and the scores' unit. By default a heat map.
        """
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
