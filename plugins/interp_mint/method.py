"""MINT: coarse and fine super-pixels that support a class, found together from two layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np

from interp.context import Budget, Context
from interp.engine.convergence import SETTLED, trust, unsettled
from interp.engine.moments import STILL_NOTE, Moments
from interp.errors import InputError
from interp.explanation import Explanation, join
from interp.method import PerImageMethod
from interp.model import ModelAdapter
from interp.params import Params
from interp.spec import Capability
from interp.target import Target
from interp_mint.evidence import TargetResult
from interp_mint.features import Features
from interp_mint.image import TwoScaleImage
from interp_mint.params import MintParams
from interp_mint.partition import common_refinement, partition
from interp_mint.solve import Solution, select_target, solve


@dataclass(frozen=True)
class Mint(PerImageMethod):
    """Multi-scale interpretation: which regions support a class, and which pieces of them.

    Partition. Saliency `S = sum_l dg/dA^l A^l` of the deep layer A is GrabCut's prior: one coarse
    region for the target. SLIC cuts the background into the others, quickshift cuts each coarse
    region into fine pieces. `T(i, j) = 1` where piece i lies in region j.

    Pool. Pieces are switched off by fair coins, `y = g(Z)` is the class probability of the
    perturbed image Z, `h = exp(-||X - Z||^2 / sigma^2)` its weight. With `a_c`, `a_f` the layers'
    channel sums averaged over regions (deep) and pieces (shallow): `z_f = s a_f` for the states s
    (1: the piece is present), `z_c = (share of a region's pieces present) a_c`.

    Fit. min over `w_c`, `w_f` of `1/2 sum h (w_c z_c - y)^2 + lambda_c |w_c|_1 + mu/2 sum h (w_f
    z_f - y)^2 + lambda_f |w_f|_1` subject to `w_f T = w_c`, by nested ADMM.

    Show. Importance is `w_c a_c` and `w_f a_f`: the most important region, if any is important
    enough, and the shallow features inside the pieces above a threshold.

    X. Cui, D. Wang, Z. J. Wang: Multi-Scale Interpretation Model for Convolutional Neural
    Networks, IEEE Transactions on Multimedia, 2019.

    Ours, where the paper is silent: layers, GrabCut's levels, SLIC's settings, sigma, lambdas,
    penalties, both stopping rules, `feature_norm`, `baseline`, when no region is shown, R^2 and
    standard errors. GrabCut has only OpenCV's global generator, which is seeded.
    """

    Params: ClassVar[type[Params]] = MintParams
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.PREDICT, Capability.ACTIVATIONS, Capability.CUT}
    )

    params: MintParams

    def explain_image(
        self, model: ModelAdapter, image: np.ndarray, targets: Sequence[Target], context: Context
    ) -> Explanation:
        """A region, fine pieces, their features and the saliency, for each target."""
        layers = TwoScaleImage.open(model, image, self.params)
        maps = [layers.saliency(target, context) for target in targets]
        features = self._features(layers, maps, context.seed)
        pools = self._pools(layers, features, targets, context)
        parts: list[Explanation] = []
        for target, saliency, pooled, pool in zip(targets, maps, features, pools, strict=True):
            solution, still = self._solve(pool, pooled), pool.full is not None and pool.still()[0]
            if still:
                solution, saliency = solution.of_nothing(), np.zeros_like(saliency)
            score = float("nan") if pool.full is None else float(pool.full[0])
            result = TargetResult(layers, target, saliency, pooled.partition, solution, score)
            notes = [*result.notes(), *([f"{target.name}: {STILL_NOTE}"] if still else [])]
            if context.budget.until != "samples":
                fine = solution.fine
                found, what = trust(
                    context.budget, fine.importance, fine.standard_error, len(pool.buckets)
                )
                notes += unsettled(target.name, found, pool.count, what)
            parts.append(replace(result.to_explanation(), notes=tuple(notes)))
        counts = [each.count for each in pools]
        samples = counts[0] if self.params.common_partition else sum(counts)
        return replace(join(parts), samples=samples)

    def _features(
        self, image: TwoScaleImage, maps: Sequence[np.ndarray], seed: int
    ) -> list[Features]:
        """Each target's partition, from its saliency (h, w), with the features pooled over it."""
        picture, params = image.picture, self.params
        partitions = [partition(picture, saliency, params, seed) for saliency in maps]
        if params.common_partition:
            partitions = common_refinement(picture, partitions, params, seed)
        return [
            Features.pool(each, image.deep, image.shallow, params.feature_norm)
            for each in partitions
        ]

    def _pools(
        self,
        image: TwoScaleImage,
        features: Sequence[Features],
        targets: Sequence[Target],
        context: Context,
    ) -> list[Moments]:
        """Each target's moments, from samples of its own unless all share one partition."""
        until = context.budget.until
        if until != "samples" and not self.params.standard_error:
            raise InputError(f"--until {until} needs the errors of importances; set standard_error")
        if self.params.common_partition:
            settled = partial(self._settled, budget=context.budget, features=features)
            joint = image.moments(features[0].partition.fine, targets, context, settled)
            return [select_target(joint, at) for at in range(len(targets))]
        return [
            image.moments(
                pooled.partition.fine,
                [target],
                context.within(target.name),
                partial(self._settled, budget=context.budget, features=[pooled]),
            )
            for pooled, target in zip(features, targets, strict=True)
        ]

    def _settled(self, pool: Moments, budget: Budget, features: Sequence[Features]) -> bool:
        """Whether the fine importances of every target in the pool are what the budget asks for."""
        for at, each in enumerate(features):
            fine = self._solve(select_target(pool, at), each).fine
            known, _ = trust(budget, fine.importance, fine.standard_error, len(pool.buckets))
            if (known or 0.0) < SETTLED:
                return False
        return True

    def _solve(self, pool: Moments, features: Features) -> Solution:
        if self.params.baseline == "empty" and pool.empty is not None:
            pool = pool.shift(pool.empty)
        return solve(pool, features, self.params)
