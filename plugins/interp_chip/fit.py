"""From moments to W: lambda by held-out R^2, a batched lasso, standard errors by jackknife."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from interp.context import Progress, no_progress
from interp.engine.solve import lasso
from interp_chip.moments import ALL, FOLDS

if TYPE_CHECKING:
    from torch import Tensor

    from interp.engine.moments import Sums
    from interp_chip.moments import FactoredMoments
    from interp_chip.params import ChipParams

SHARES = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)
"""Lambdas tried, as shares of what leaves no channel; the largest nearly as good as the best."""
DEFAULT = 0.01
"""Taken where nothing can be held out."""
NEARLY = 0.01
BYTES = 1 << 28
"""Memory that the matrices of one batch of rows may take."""

Groups = tuple[int, ...]
Fold = tuple[Groups, Groups]
"""Groups of images and groups of masks that are held out."""


@dataclass(frozen=True, eq=False)
class Learned:
    """What a layer's channels say about each class."""

    weights: Tensor  # W (T, K)
    standard_error: Tensor | None  # (T, K)
    r2: Tensor | None  # centred, (T,), on what W was not fitted to
    sparsity: Tensor  # lambda as a share of what leaves no channel, (T,)
    held_out: str
    """What that was: masks and images, masks, or nothing."""


def learn(
    moments: FactoredMoments, params: ChipParams, progress: Progress = no_progress
) -> Learned:
    """Solve every row's lasso; rows without an image stay zero."""
    folds, held_out = find_folds(moments)
    shares = SHARES if params.sparsity is None else (params.sparsity,)
    if not folds:
        problem = Problem(moments, params, progress, 1)
        share = problem.shares(DEFAULT if params.sparsity is None else params.sparsity)
        return Learned(problem.weights(share), None, None, share, held_out)
    problem = Problem(moments, params, progress, (len(shares) + 2) * len(folds) + 1)
    share, r2 = _largest_good(problem, folds, shares, moments.learned())
    error = problem.standard_error(folds, share)
    return Learned(problem.weights(share), error, r2, share, held_out)


def find_folds(moments: FactoredMoments) -> tuple[list[Fold], str]:
    """What to hold out, one after another: masks, and images where every row has several."""
    masks = sorted({chunk % FOLDS for chunk in moments.chunks})
    if len(masks) < 2:
        return [], "nothing"
    groups: dict[int, set[int]] = {}
    for each in moments.images.values():
        groups.setdefault(each.row, set()).add(each.group)
    if min(map(len, groups.values())) < 2:
        return [((), (each,)) for each in masks], "masks"
    return [((each,), (masks[each % len(masks)],)) for each in range(FOLDS)], "masks and images"


@dataclass(eq=False)
class Problem:
    """min over w_c of 1/2 sum h p (w_c z - y_c)^2 + lambda_c |w_c|_1 for every row c."""

    moments: FactoredMoments
    params: ChipParams
    progress: Progress
    total: int
    """Times that W will be solved for, at most."""
    solved: int = 0

    def shares(self, share: float) -> Tensor:
        """One share for all rows, (T,)."""
        return torch.full_like(self.moments.y[:, 0, 0], share)

    def weights(self, share: Tensor, fold: Fold = ((), ())) -> Tensor:
        """W (T, K), fitted to all but what the fold holds out."""
        self.solved += 1
        self.progress("solving", self.solved, self.total)
        return torch.cat([self._solve(rows, share, fold) for rows in self._blocks()])

    def r2(self, folds: Sequence[Fold], share: Tensor) -> Tensor:
        """Centred R^2 (T,) on the pairs held out, whose images and masks W was not fitted to."""
        residual = spread = torch.zeros_like(self.moments.y[:, 0, 0])
        for images, masks in folds:
            fitted, parts = self.weights(share, (images, masks)), []
            for rows in self._blocks():
                held = self._sums(rows, images or ALL, masks or ALL)
                centred = held.yy - held.y.square() / held.weight.clamp_min(1e-300)
                parts.append(torch.stack([held.residual(fitted[rows]), centred]))
            found = torch.cat(parts, 1)
            residual, spread = residual + found[0], spread + found[1]
        flat = spread <= 1e-12 * self.moments.yy.sum((1, 2))
        return (1 - residual / spread.clamp_min(1e-300)).masked_fill(flat, 0.0)

    def standard_error(self, folds: Sequence[Fold], share: Tensor) -> Tensor:
        """Of W, (T, K): the jackknife over groups of masks and the one over groups of images.

        Their variances are added, which counts the variance of single pairs twice: cautious.
        """
        masks = [((), each) for each in {fold[1] for fold in folds}]
        images = [(each, ()) for each in {fold[0] for fold in folds} if each]
        variance = torch.zeros_like(self.moments.b[:, 0, 0])
        for groups in (masks, images):
            if len(groups) > 1:
                left = torch.stack([self.weights(share, fold) for fold in sorted(groups)])
                part = (len(groups) - 1) / len(groups)
                variance += part * (left - left.mean(0)).square().sum(0)
        return variance.sqrt()

    def _solve(self, rows: slice, share: Tensor, fold: Fold) -> Tensor:
        """Some rows of W; lambda grows with the weight of the pairs that are fitted to."""
        images, masks = fold
        sums = self._sums(rows, _but(images), _but(masks))
        whole = self._total[rows] if len(sums.weight) > 1 else self._total[:1]
        lam = share[rows] * self._top[rows] * sums.weight / whole.clamp_min(1e-300)
        return lasso(sums.gram, sums.b, lam.expand(len(sums.b)))

    def _sums(self, rows: slice, images: Sequence[int], masks: Sequence[int]) -> Sums:
        sums = self.moments.sums(rows, images, masks)
        if self.params.baseline == "literal":
            return sums
        return sums.shift(self.moments.level[rows])

    @cached_property
    def _whole(self) -> tuple[Tensor, Tensor]:
        """|b|'s largest entry and the weight of all pairs, by row, (T,) each."""
        tops, weights = [], []
        for rows in self._blocks():
            sums = self._sums(rows, ALL, ALL)
            tops.append(sums.b.abs().amax(1))
            weights.append(sums.weight.expand(len(sums.b)))
        top = torch.cat(tops)
        if self.params.sparsity_per == "layer":
            top = top.amax().expand(len(top))
        return top, torch.cat(weights)

    @property
    def _top(self) -> Tensor:
        return self._whole[0]

    @property
    def _total(self) -> Tensor:
        return self._whole[1]

    def _blocks(self) -> Iterator[slice]:
        """Rows whose matrices fit into memory together."""
        rows, channels = self.moments.rows, self.moments.b.shape[-1]
        size = rows if self.moments.shared else max(1, BYTES // (8 * channels**2))
        return (slice(at, min(at + size, rows)) for at in range(0, rows, size))


def _but(groups: Groups) -> Groups:
    """The groups that are left."""
    return tuple(each for each in ALL if each not in groups)


def _largest_good(
    problem: Problem, folds: Sequence[Fold], shares: Sequence[float], learned: list[bool]
) -> tuple[Tensor, Tensor]:
    """The sparsest of the shares whose R^2 is nearly the best, and that R^2, (T,) each.

    Of each row, or of the rows' mean where they share one lambda.
    """
    listed = sorted(shares, reverse=True)
    r2 = torch.stack([problem.r2(folds, problem.shares(each)) for each in listed])  # (S, T)
    judged = r2
    if problem.params.sparsity_per == "layer":
        judged = r2[:, learned].mean(1, keepdim=True).expand_as(r2)
    best = judged.amax(0)
    good = judged >= best - NEARLY * best.abs()
    first = good.double().argmax(0)  # and so the largest
    return torch.tensor(listed).to(r2)[first], r2.gather(0, first[None])[0]
