"""From moments to W: lambda by held-out R^2, a batched lasso, standard errors by jackknife."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor

from interp.cluster.pool import Lost, Pool, ThisProcess
from interp.context import Progress, no_progress
from interp.engine.moments import Sums
from interp.engine.solve import lasso_path
from interp.errors import PluginError
from interp_chip.moments import ALL, FOLDS, FactoredMoments
from interp_chip.params import ChipParams

SHARES = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)
"""Candidate lambdas, as shares of the smallest lambda that zeroes every channel."""
DEFAULT = 0.01
"""The share used where nothing can be held out."""
NEARLY = 0.01
"""Of the candidates whose R^2 is within this share of the best, the sparsest is taken."""
ROWS = 128
"""Rows (classes) that are solved together."""
BYTES = 1 << 28
"""Memory that the Gram matrices of one batch of rows may take."""

Fold = tuple[tuple[int, ...], tuple[int, ...]]
"""Groups of images and groups of masks that are held out."""
Folds = tuple[list[Fold], str]
"""The folds, and what they hold out."""


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """W of one layer and how well it predicts the scores of perturbed networks."""

    weights: Tensor  # W (T, K)
    standard_error: Tensor | None  # (T, K)
    r2: Tensor | None  # centred, (T,), on held-out pairs
    sparsity: Tensor  # lambda as a share of the lambda that zeroes every channel, (T,)
    held_out: str
    """What R^2 was measured on: masks and images, masks, or nothing."""

    @classmethod
    def stack(cls, parts: Sequence[LayerWeights]) -> LayerWeights:
        """Blocks of rows as one."""

        def joined(name: str) -> Tensor | None:
            found = [getattr(each, name) for each in parts]
            return None if found[0] is None else torch.cat(found)

        names = ("weights", "standard_error", "r2", "sparsity")
        tensors: dict[str, Any] = {name: joined(name) for name in names}
        return cls(**tensors, held_out=parts[0].held_out)


def solve(
    moments: FactoredMoments,
    params: ChipParams,
    progress: Progress = no_progress,
    pool: Pool | None = None,
) -> LayerWeights:
    """Solve the lasso of every row (class) of W; rows without an image stay zero.

    Many rows are solved in blocks, by the workers of a pool where there is one, unless all rows
    share one lambda.
    """
    folds = find_folds(moments)
    if moments.rows <= ROWS or params.sparsity_per == "layer":
        return solve_rows(moments, params, folds, progress)
    starts = range(0, moments.rows, ROWS)
    do = _block_solver(moments, params, folds)
    reopen = partial(_block_solver, moments, params, folds)
    parts: list[LayerWeights] = []
    for start, found in (pool or ThisProcess()).map(do, starts, reopen, ordered=True):
        if isinstance(found, Lost):
            raise PluginError(f"solving W, classes from {start}: {found.reason}")
        parts.append(found)
        progress("solving", min(start + ROWS, moments.rows), moments.rows)
    return LayerWeights.stack(parts)


def solve_block(
    moments: FactoredMoments, params: ChipParams, folds: Folds, start: int
) -> LayerWeights:
    """The rows from `start`, as many as are solved together."""
    rows = slice(start, min(start + ROWS, moments.rows))
    return solve_rows(moments.part(rows), params, folds, no_progress)


def _block_solver(
    moments: FactoredMoments, params: ChipParams, folds: Folds
) -> Callable[[int], LayerWeights]:
    """What solves a block, in any process."""
    return partial(solve_block, moments, params, folds)


def solve_rows(
    moments: FactoredMoments, params: ChipParams, found: Folds, progress: Progress
) -> LayerWeights:
    """All rows of the moments together; their folds may be those of more rows."""
    folds, held_out = found
    shares = SHARES if params.sparsity is None else (params.sparsity,)
    problem = LassoProblem(moments, params, progress, (len(shares) + 2) * len(folds) + 1)
    if not folds:
        share = problem.uniform(DEFAULT if params.sparsity is None else params.sparsity)
        return LayerWeights(problem.weights(share), None, None, share, held_out)
    share, r2 = problem.choose_share(folds, shares)
    error = problem.standard_error(folds, share)
    return LayerWeights(problem.weights(share), error, r2, share, held_out)


def find_folds(moments: FactoredMoments) -> Folds:
    """The folds of cross-validation and what they hold out.

    Masks and images where every row has images in several groups, otherwise masks alone.
    """
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
class LassoProblem:
    """min over w_c of 1/2 sum h p (w_c z - y_c)^2 + lambda_c |w_c|_1, for every row c."""

    moments: FactoredMoments
    params: ChipParams
    progress: Progress
    total: int
    """Upper bound on the number of solves, for the progress display."""
    solved: int = 0

    def uniform(self, share: float) -> Tensor:
        """The same share for every row, (T,)."""
        return torch.full_like(self.moments.y[:, 0, 0], share)

    def weights(self, share: Tensor, fold: Fold = ((), ())) -> Tensor:
        """W (T, K), fitted to everything except the held-out fold."""
        return torch.cat([fitted[0] for _, fitted in self._fitted(share[None], fold)])

    def r2(self, folds: Sequence[Fold], shares: Tensor) -> Tensor:
        """Centred R^2 (S, T) on the held-out pairs of all folds together; shares (S, T) fall."""
        residual = spread = torch.zeros_like(shares)
        for images, masks in folds:
            sums = []
            for rows, fitted in self._fitted(shares, (images, masks)):
                held = self._sums(rows, images or ALL, masks or ALL)
                centred = held.yy - held.y.square() / held.weight.clamp_min(1e-300)
                left = torch.stack([held.residual(each) for each in fitted])
                sums.append(torch.stack([left, centred.expand_as(left)]))
            found = torch.cat(sums, 2)
            residual, spread = residual + found[0], spread + found[1]
        flat = spread <= 1e-12 * self.moments.yy.sum((1, 2))
        return (1 - residual / spread.clamp_min(1e-300)).masked_fill(flat, 0.0)

    def _fitted(self, shares: Tensor, fold: Fold) -> Iterator[tuple[slice, Tensor]]:
        """By block of rows, W (S, t, K) for falling shares (S, T), without the held-out fold."""
        self.solved += len(shares)
        self.progress("solving", self.solved, self.total)
        images, masks = (tuple(each for each in ALL if each not in out) for out in fold)
        for rows in self._blocks():
            sums = self._sums(rows, images, masks)
            top, whole = (each[rows] for each in self._scale)
            # lambda grows with the weight of the pairs that W is fitted to
            lams = shares[:, rows] * top * sums.weight / whole.clamp_min(1e-300)
            yield rows, lasso_path(sums.gram, sums.b, lams)

    def choose_share(self, folds: Sequence[Fold], shares: Sequence[float]) -> tuple[Tensor, Tensor]:
        """The largest share whose R^2 is nearly the best, and that R^2, (T,) each.

        Chosen for each row, or by the rows' mean R^2 where they share one lambda.
        """
        listed = sorted(shares, reverse=True)
        r2 = self.r2(folds, torch.stack([self.uniform(each) for each in listed]))  # (S, T)
        judged = r2
        if self.params.sparsity_per == "layer":
            judged = r2[:, self.moments.learned()].mean(1, keepdim=True).expand_as(r2)
        best = judged.amax(0)
        first = (judged >= best - NEARLY * best.abs()).double().argmax(0)
        return torch.tensor(listed).to(r2)[first], r2.gather(0, first[None])[0]

    def standard_error(self, folds: Sequence[Fold], share: Tensor) -> Tensor:
        """Standard errors of W, (T, K), by the jackknife over masks and the one over images.

        The two variances are added, which counts the variance of single pairs twice: cautious.
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

    def _sums(self, rows: slice, images: Sequence[int], masks: Sequence[int]) -> Sums:
        sums = self.moments.sums(rows, images, masks)
        empty = self.params.baseline == "empty"
        return sums.shift(self.moments.level[rows]) if empty else sums

    @cached_property
    def _scale(self) -> tuple[Tensor, Tensor]:
        """By row the lambda that zeroes every channel, and the weight of all pairs, (T,) each."""
        found = []
        for rows in self._blocks():
            sums = self._sums(rows, ALL, ALL)
            found.append(torch.stack([sums.b.abs().amax(1), sums.weight.expand(len(sums.b))]))
        top, weight = torch.cat(found, 1)
        return top.amax().expand_as(top) if self.params.sparsity_per == "layer" else top, weight

    def _blocks(self) -> Iterator[slice]:
        """Rows whose Gram matrices fit into memory together."""
        rows, channels = self.moments.rows, self.moments.b.shape[-1]
        size = rows if self.moments.shared else max(1, BYTES // (8 * channels**2))
        return (slice(at, min(at + size, rows)) for at in range(0, rows, size))
