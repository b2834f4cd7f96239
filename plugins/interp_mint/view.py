"""What MINT shows for one image and target: selections, evidence and the numbers behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp.evidence import Evidence, Heatmap, Regions
from interp.explanation import Explanation

if TYPE_CHECKING:
    from interp.engine.moments import Moments
    from interp.target import Target
    from interp_mint.features import Features
    from interp_mint.fit import Findings, Scale
    from interp_mint.params import MintParams
    from interp_mint.scene import Scene


@dataclass(frozen=True, eq=False)
class View:
    """One image and target, explained."""

    scene: Scene
    image: int
    target: Target
    saliency: np.ndarray
    features: Features
    findings: Findings
    params: MintParams

    def tell(self, key: str, pool: Moments) -> Explanation:
        """The explanation; its scores stand under `key`."""
        score = float("nan") if pool.full is None else float(pool.full[0])
        shown = show_coarse(self.findings.coarse.importance, score, self.params)
        return Explanation(
            evidence=self._evidence(shown),
            scores={key: self._scores(score, shown)},
            notes=tuple(self._notes(key, shown)),
            main="fine",
        )

    def _evidence(self, shown: np.ndarray) -> tuple[Evidence, ...]:
        partition, found = self.features.partition, self.findings
        pieces = show_fine(found.fine.importance, self.params)
        inside = np.where(pieces[partition.fine], self.scene.shallow, 0.0)
        return (
            self._regions("coarse", partition.coarse, found.coarse, shown),
            self._regions("fine", partition.fine, found.fine, pieces),
            self._heatmap("fine features", inside, False, self.scene.shallow_name),
            self._heatmap("saliency", self.saliency, True, self.scene.cut.layer.name),
        )

    def _regions(self, name: str, labels: np.ndarray, scale: Scale, shown: np.ndarray) -> Regions:
        return Regions(
            name=name,
            target=self.target.name,
            image=self.image,
            r2=scale.r2,
            labels=self.scene.placement.to_image(labels.astype(np.int32), fill=-1),
            importance=scale.importance,
            selected=shown,
            standard_error=scale.standard_error,
            unit="probability",
        )

    def _heatmap(self, name: str, values: np.ndarray, signed: bool, layer: str) -> Heatmap:
        fitted = name == "fine features"
        return Heatmap(
            name=name,
            target=self.target.name,
            image=self.image,
            layer=layer,
            r2=self.findings.fine.r2 if fitted else None,
            values=self.scene.placement.to_image(values.astype(np.float32)),
            signed=signed,
            unit="activation" if fitted else "gradient x activation",
        )

    def _scores(self, score: float, shown: np.ndarray) -> dict[str, float | int | None]:
        found = self.findings
        return {
            "probability": score,
            "r2_coarse": found.coarse.r2,
            "r2_fine": found.fine.r2,
            "reliability": found.fine.reliability,
            "r2_coarse_inside": found.coarse.r2_inside,
            "r2_fine_inside": found.fine.r2_inside,
            "constraint": float(found.solved.constraint[0]),
            "residual": found.solved.residual,
            "objective": float(found.solved.objective[0]),
            "rounds": found.solved.rounds,
            "regions": len(shown),
            "regions_shown": int(shown.sum()),
            "pieces": len(found.fine.importance),
        }

    def _notes(self, key: str, shown: np.ndarray) -> list[str]:
        solved, notes = self.findings.solved, []
        if not shown.any():
            notes.append(f"{key}: no region supports it")
        if not (self.saliency > 0).any():
            notes.append(f"{key}: nothing in layer {self.scene.cut.layer.name} speaks for it")
        if not solved.converged:
            notes.append(
                f"{key}: the solver stopped at a residual of {solved.residual:.1e} after "
                f"{solved.rounds} rounds; raise outer or tolerance"
            )
        return notes


def show_coarse(importance: np.ndarray, score: float, params: MintParams) -> np.ndarray:
    """(p,) bool: the first regions that carry a fair share of the image's score; maybe none.

    The share alone would always show something where the score itself is next to nothing.
    """
    enough = max(params.least_share * abs(score), params.least)
    first = np.zeros(len(importance), bool)
    first[np.argsort(-importance, kind="stable")[: params.regions]] = True
    return first & (importance > 0) & (importance >= enough)


def show_fine(importance: np.ndarray, params: MintParams) -> np.ndarray:
    """(q,) bool: the pieces above a share of the largest importance, and above zero."""
    return importance > max(0.0, params.fine_share * importance.max())
