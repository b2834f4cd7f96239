"""From moments of one pool of samples to both scales' importances, errors and held-out fits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from interp.engine.convergence import reliability
from interp_mint.admm import Fit, NestedAdmm
from interp_mint.features import Features
from interp_mint.problem import Problem

if TYPE_CHECKING:
    from torch import Tensor

    from interp.engine.moments import Moments, Sums
    from interp_mint.params import MintParams

FOLD_TOLERANCE = 1e-5
"""Of the fits without one bucket: they serve errors and R^2, not importances."""


@dataclass(frozen=True, eq=False)
class Scale:
    """What was found at one scale: importance w a of each part, its standard error, the fit."""

    importance: np.ndarray
    standard_error: np.ndarray | None
    r2: float | None
    """Centred, weighted, held out by buckets; None with one bucket only."""
    r2_inside: float
    """The same on the samples of the fit."""

    @property
    def reliability(self) -> float | None:
        """The correlation that a repeat with another seed would have; None without errors."""
        if self.standard_error is None:
            return None
        return reliability(self.importance, self.standard_error)


@dataclass(frozen=True, eq=False)
class Findings:
    """Both scales of one target, and how well the coupled problem was solved."""

    coarse: Scale
    fine: Scale
    solved: Fit


def fit(moments: Moments, features: Features, params: MintParams) -> Findings:
    """Solve the coupled problem on moments over raw states of one target."""
    import torch

    maps = [torch.from_numpy(each) for each in (features.coarse_map(), features.fine_map())]
    coarse, fine = (moments.map(each) for each in maps)
    tree = torch.from_numpy(features.partition.tree)

    def problem(pairs: list[tuple[Sums, Sums]]) -> Problem:
        return Problem.of(pairs, tree, params.lambda_c, params.lambda_f, params.mu)

    solver = NestedAdmm(params.penalty, params.inner, params.outer, params.tolerance)
    solved = solver.solve(problem([(coarse.total, fine.total)]))
    folds = len(moments.buckets)
    left: Fit | None = None
    if folds > 1:
        pairs = [(coarse.without(at), fine.without(at)) for at in range(folds)]
        loose = max(params.tolerance, FOLD_TOLERANCE)
        solver = NestedAdmm(params.penalty, params.inner, params.outer, loose)
        left = solver.solve(problem(pairs), solved.state.repeated(folds))
    error = params.standard_error
    return Findings(
        _scale(coarse, solved.w_c, None if left is None else left.w_c, features.coarse, error),
        _scale(fine, solved.w_f, None if left is None else left.w_f, features.fine, error),
        solved,
    )


def column(moments: Moments, target: int) -> Moments:
    """The moments of one of several targets that weigh samples alike."""
    only = slice(target, target + 1)
    sums = {
        bucket: replace(each, y=each.y[only], b=each.b[only], yy=each.yy[only])
        for bucket, each in moments.sums.items()
    }
    full, empty = (None if each is None else each[only] for each in (moments.full, moments.empty))
    return replace(moments, sums=sums, full=full, empty=empty)


def _scale(
    moments: Moments, weights: Tensor, left: Tensor | None, features: np.ndarray, error: bool
) -> Scale:
    """One scale from its weights (1, n) and those fitted without each bucket (folds, n)."""
    r2, spread = None, None
    if left is not None:
        folds = iter(left.unsqueeze(1))  # asked for in the order of the buckets
        r2 = float(moments.cross_validate(lambda _: next(folds)))
    if left is not None and error:
        folds = iter(left)
        spread = moments.jackknife(lambda _: next(folds)).cpu().numpy() * np.abs(features)
    inside = float(moments.total.r2(weights))
    return Scale(weights[0].cpu().numpy() * features, spread, r2, inside)
