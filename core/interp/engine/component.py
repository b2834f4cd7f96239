"""The parts that methods are composed of: perturbations, weightings and solvers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from interp.context import Context
from interp.engine.design import Design, Subject
from interp.engine.moments import Moments, Sums
from interp.engine.solve import Solution
from interp.evidence import Evidence, Heatmap
from interp.lazy_type import Tensor
from interp.model import ModelAdapter
from interp.network.placement import Placement
from interp.params import Params
from interp.spec import Capability


@dataclass(frozen=True)
class Component:
    """A part of a composition in registry.yaml, made from its own parameters."""

    Params: ClassVar[type[Params]] = Params

    params: Any


@dataclass(frozen=True, eq=False)
class Experiment:
    """One image under one perturbation: the subject, the states to try, and the placement."""

    subject: Subject
    design: Design
    placement: Placement


class Perturbation(Component, ABC):
    """Divides an image, or a layer, into parts, and says how they are switched off."""

    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PREDICT})

    @abstractmethod
    def bind(
        self, model: ModelAdapter, image: np.ndarray, count: int, context: Context
    ) -> Experiment:
        """The experiment on an image (H, W, 3) uint8 RGB, of about `count` states."""

    def to_evidence(
        self,
        experiment: Experiment,
        values: np.ndarray,
        error: np.ndarray | None,
        about: dict[str, Any],
    ) -> list[Evidence]:
        """Importance (Q,) of the design's features, with its standard error, as evidence.

        By default a heat map. `about` holds the fields of every Evidence, and the scores' unit.
        """
        spread = None if error is None else self.place(experiment, error)
        shown = self.place(experiment, values)
        return [Heatmap(name="map", values=shown, standard_error=spread, **about)]

    def place(self, experiment: Experiment, values: np.ndarray) -> np.ndarray:
        """A value per feature (Q,) in the original image's coordinates, (H, W)."""
        painted = experiment.design.paint(values).astype(np.float32)
        return experiment.placement.to_image(painted)


class Weighting(ABC):
    """How much each state counts in the fit."""

    anchors: ClassVar[bool] = True
    """Whether the two anchors, all parts on and all parts off, count in the fit."""

    @abstractmethod
    def weigh(self, design: Design, states: Tensor, scores: Tensor) -> Tensor:
        """Sample weights (B,), or (B, T) for weights per target; scores (B, T)."""


class Solver(Component, ABC):
    """Fits the scores by a linear function of the features, all targets in one solve."""

    second_order: ClassVar[bool] = True
    """Whether it needs the Gram matrix; else first-order sums suffice."""

    @abstractmethod
    def weights(self, sums: Sums, full: Tensor, empty: Tensor) -> Tensor:
        """Intercept and weights of the features, (T, 1 + Q).

        full, empty (T,): the targets' scores with all parts on and with all parts off.
        """

    def solve(self, moments: Moments, sampled: bool = True) -> Solution:
        """Weights (T, Q); where states are sampled, also held-out R^2 and standard errors."""
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
