"""Importances of both scales with their errors and R^2, from the moments of one pool of samples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from interp.engine.convergence import reliability
from interp.engine.moments import Moments, Sums
from interp_mint.admm import AdmmResult, NestedAdmm
from interp_mint.features import Features
from interp_mint.params import MintParams
from interp_mint.problem import Problem

if TYPE_CHECKING:
    from torch import Tensor

FOLD_TOLERANCE = 1e-5
"""Of the solutions without one bucket: they give errors and R^2, not importances."""


@dataclass(frozen=True, eq=False)
class ScaleResult:
    """One scale: the importance w a of each part (n,), its standard error, and R^2."""

    importance: np.ndarray
    standard_error: np.ndarray | None
    r2: float | None
    """Centred, weighted, held out by buckets; None with one bucket only."""
    r2_inside: float
    """The same on the samples that were fitted."""

    @property
    def reliability(self) -> float | None:
        """The correlation expected with a repeat of another seed; None without errors."""
        if self.standard_error is None:
            return None
        return reliability(self.importance, self.standard_error)

    def of_nothing(self) -> ScaleResult:
        """The same parts, none of which matters."""
        return replace(self, importance=np.zeros_like(self.importance), r2=None)


@dataclass(frozen=True, eq=False)
class Solution:
    """Both scales of one target, and how well the coupled problem was solved."""

    coarse: ScaleResult
    fine: ScaleResult
    admm: AdmmResult

    def of_nothing(self) -> Solution:
        """The same parts, none of which matters: the answer did not change."""
        return replace(self, coarse=self.coarse.of_nothing(), fine=self.fine.of_nothing())


def solve(moments: Moments, features: Features, params: MintParams) -> Solution:
    """Solve the coupled problem on moments over raw states of one target."""
    import torch

    maps = (torch.from_numpy(each) for each in (features.coarse_map(), features.fine_map()))
    coarse, fine = (moments.map(each) for each in maps)
    tree = torch.from_numpy(features.tied(params.coupling))

    def problem(pairs: list[tuple[Sums, Sums]]) -> Problem:
        coupled = params.coupling != "none"
        return Problem.of(pairs, tree, params.lambda_c, params.lambda_f, params.mu, coupled)

    solver = NestedAdmm(params.penalty, params.inner, params.outer, params.tolerance)
    whole = solver.solve(problem([(coarse.total, fine.total)]))
    folds = len(moments.buckets)
    held_coarse, held_fine = None, None
    if folds > 1:
        pairs = [(coarse.without(at), fine.without(at)) for at in range(folds)]
        loose = replace(solver, tolerance=max(params.tolerance, FOLD_TOLERANCE))
        held_out = loose.solve(problem(pairs), whole.state.repeated(folds))
        held_coarse, held_fine = held_out.w_c, held_out.w_f
    error = params.standard_error
    return Solution(
        _scale(coarse, whole.w_c, held_coarse, features.coarse, error),
        _scale(fine, whole.w_f, held_fine, features.fine, error),
        whole,
    )


def select_target(moments: Moments, target: int) -> Moments:
    """The moments of one of several targets that weigh samples alike."""
    only = slice(target, target + 1)
    sums = {
        bucket: replace(each, y=each.y[only], b=each.b[only], yy=each.yy[only])
        for bucket, each in moments.sums.items()
    }
    full, empty = (None if each is None else each[only] for each in (moments.full, moments.empty))
    return replace(moments, sums=sums, full=full, empty=empty)


def _scale(
    moments: Moments, weights: Tensor, held_out: Tensor | None, features: np.ndarray, error: bool
) -> ScaleResult:
    """One scale from its weights (1, n) and those fitted without each bucket (folds, n)."""
    r2, spread = None, None
    if held_out is not None:
        folds = iter(held_out.unsqueeze(1))  # cross_validate leaves the buckets out in this order
        r2 = float(moments.cross_validate(lambda _: next(folds)))
    if held_out is not None and error:
        folds = iter(held_out)
        spread = moments.jackknife(lambda _: next(folds)).cpu().numpy() * np.abs(features)
    inside = float(moments.total.r2(weights))
    return ScaleResult(weights[0].cpu().numpy() * features, spread, r2, inside)
