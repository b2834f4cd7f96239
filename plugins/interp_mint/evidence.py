"""What MINT shows for one image and target: which parts, as evidence, scores and notes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from interp.evidence import Evidence, Heatmap, Regions
from interp.explanation import Explanation
from interp.spec import VALUE
from interp.target import Target
from interp_mint.image import TwoScaleImage
from interp_mint.params import MintParams
from interp_mint.partition import Partition
from interp_mint.solve import ScaleResult, Solution


@dataclass(frozen=True, eq=False)
class TargetResult:
    """One target of one image, explained; `score` is the target's probability, or its value.

    `saliency` is that of the target, (h, w) like the partition.
    """

    image: TwoScaleImage
    target: Target
    saliency: np.ndarray
    partition: Partition
    solution: Solution
    score: float

    @cached_property
    def shown(self) -> np.ndarray:
        """Which regions are shown, (p,) bool; `least`, a probability, does not apply to values."""
        params = self.image.params
        if self.image.model.spec.unit == VALUE:
            params = params.model_copy(update={"least": 0.0})
        return show_coarse(self.solution.coarse.importance, self.score, params)

    def to_explanation(self) -> Explanation:
        """The result's evidence and scores."""
        return Explanation(self._evidence(), scores={self.target.name: self._scores()}, main="fine")

    def _evidence(self) -> tuple[Evidence, ...]:
        coarse, fine = self.solution.coarse, self.solution.fine
        pieces = show_fine(fine.importance, self.image.params)
        inside = np.where(pieces[self.partition.fine], self.image.shallow, 0.0)
        common: dict[str, Any] = {"target": self.target.name}
        to_image = self.image.placement.to_image

        def parts(name: str, labels: np.ndarray, scale: ScaleResult, shown: np.ndarray) -> Regions:
            return Regions(
                **common,
                name=name,
                r2=scale.r2,
                labels=to_image(labels.astype(np.int32), fill=-1),
                importance=scale.importance,
                selected=shown,
                standard_error=scale.standard_error,
                unit=self.image.model.spec.unit,
            )

        return (
            parts("coarse", self.partition.coarse, coarse, self.shown),
            parts("fine", self.partition.fine, fine, pieces),
            Heatmap(
                **common,
                name="fine features",
                layer=self.image.shallow_name,
                r2=fine.r2,
                values=to_image(inside.astype(np.float32)),
                signed=False,
                unit="activation",
            ),
            Heatmap(
                **common,
                name="saliency",
                layer=self.image.cut.layer.name,
                values=to_image(self.saliency.astype(np.float32)),
                signed=True,
                unit="gradient x activation",
            ),
        )

    def _scores(self) -> dict[str, float | int | None]:
        coarse, fine, admm = self.solution.coarse, self.solution.fine, self.solution.admm
        return {
            self.image.model.spec.unit: self.score,
            "r2_coarse": coarse.r2,
            "r2_fine": fine.r2,
            "reliability": fine.reliability,
            "r2_coarse_inside": coarse.r2_inside,
            "r2_fine_inside": fine.r2_inside,
            "constraint": float(admm.constraint[0]),
            "residual": admm.residual,
            "objective": float(admm.objective[0]),
            "rounds": admm.rounds,
            "regions": len(self.shown),
            "regions_shown": int(self.shown.sum()),
            "pieces": len(fine.importance),
        }

    def notes(self) -> list[str]:
        """What a reader must know, each note beginning with the target's name."""
        key, admm, notes = self.target.name, self.solution.admm, list[str]()
        if not self.shown.any():
            notes.append(f"{key}: no region supports it")
        if not (self.saliency > 0).any():
            layer = self.image.cut.layer.name
            notes.append(f"{key}: no place in layer {layer} supports it")
        if not admm.converged:
            notes.append(
                f"{key}: the solver stopped at a residual of {admm.residual:.1e} after "
                f"{admm.rounds} rounds; raise outer or tolerance"
            )
        return notes


def show_coarse(importance: np.ndarray, score: float, params: MintParams) -> np.ndarray:
    """(p,) bool: the most important regions that carry enough of the image's score; maybe none.

    `least_share` of the score alone would always show a region where the score is near 0, so
    `least` is asked for too.
    """
    enough = max(params.least_share * abs(score), params.least)
    first = np.zeros(len(importance), bool)
    first[np.argsort(-importance, kind="stable")[: params.regions]] = True
    return first & (importance > 0) & (importance >= enough)


def show_fine(importance: np.ndarray, params: MintParams) -> np.ndarray:
    """(q,) bool: the pieces above a share of the largest importance, and above zero."""
    return importance > max(0.0, params.fine_share * importance.max())
