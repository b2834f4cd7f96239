"""MINT: coarse and fine super-pixels that carry a class, found together from two layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from interp.engine.convergence import SETTLED, unsettled
from interp.errors import InputError
from interp.explanation import Explanation, finding_key, join
from interp.method import Method
from interp.params import Params
from interp.spec import Capability
from interp_mint.features import Features
from interp_mint.fit import column, fit
from interp_mint.params import MintParams
from interp_mint.partition import Partition, common_refinement, partition
from interp_mint.scene import Scene
from interp_mint.view import View

if TYPE_CHECKING:
    from interp.context import Context
    from interp.engine.moments import Moments
    from interp.knowledge import Knowledge
    from interp.model import ModelAdapter
    from interp.target import Target


@dataclass(frozen=True)
class Mint(Method):
    """Multi-scale interpretation: why an image is of a class, by regions and by their pieces.

    Partition. Saliency S = sum_l dg/dA^l A^l of the deep layer A is GrabCut's prior: one coarse
    region for the target. SLIC cuts the background into the others, quickshift cuts each coarse
    region into fine pieces. T(i, j) = 1 where piece i lies in region j.

    Pool. Pieces are switched off by fair coins, y = g(Z) is the class probability of the
    perturbed image Z, h = exp(-||X - Z||^2 / sigma^2) its weight. With a_c, a_f the layers'
    channel sums averaged over regions (deep) and pieces (shallow): z_f = s a_f for the states s,
    z_c = (share of a region's pieces present) a_c.

    Fit. min over w_c, w_f of 1/2 sum h (w_c z_c - y)^2 + lambda_c |w_c|_1
    + mu/2 sum h (w_f z_f - y)^2 + lambda_f |w_f|_1 subject to w_f T = w_c, by nested ADMM.

    Show. Importance is w_c a_c and w_f a_f: the first region, if any carries the class, and the
    shallow features inside the pieces above a threshold.

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

    def explain(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Target],
        knowledge: Knowledge | None,
        context: Context,
    ) -> Explanation:
        """A region, fine pieces, their features and the saliency, for each image and target."""
        parts: list[Explanation] = []
        samples = 0
        for at, image in enumerate(images):
            context.out_of_time()
            scene = Scene.open(model, image, self.params)
            maps = [scene.saliency(target) for target in targets]
            partitions = self._partitions(scene, maps, context.seed)
            found = [
                Features.pool(cut, scene.deep, scene.shallow, self.params.feature_norm)
                for cut in partitions
            ]
            pools = self._pools(scene, found, targets, context)
            samples += sum(each.count for each in pools[: 1 if self._shared else None])
            for target, saliency, features, pool in zip(targets, maps, found, pools, strict=True):
                findings = fit(self._above_baseline(pool), features, self.params)
                view = View(scene, at, target, saliency, features, findings, self.params)
                key = finding_key(target.name, at, len(images))
                told = view.tell(key, pool)
                if context.budget.until == "stable":
                    known = findings.fine.reliability
                    told = replace(
                        told, notes=told.notes + tuple(unsettled(key, known, pool.count))
                    )
                parts.append(told)
        return replace(join(parts), samples=samples)

    @property
    def _shared(self) -> bool:
        return self.params.common_partition

    def _partitions(self, scene: Scene, maps: Sequence[np.ndarray], seed: int) -> list[Partition]:
        found = [partition(scene.image, each, self.params, seed) for each in maps]
        return common_refinement(scene.image, found, self.params, seed) if self._shared else found

    def _pools(
        self,
        scene: Scene,
        found: Sequence[Features],
        targets: Sequence[Target],
        context: Context,
    ) -> list[Moments]:
        """Each target's moments, of samples of its own unless all share one partition."""
        if context.budget.until == "stable" and not self.params.standard_error:
            raise InputError("--until stable needs the errors of importances; set standard_error")

        def settled(pool: Moments, of: Sequence[Features]) -> bool:
            columns = (column(pool, at) for at in range(len(of)))
            return all(map(self._settled, columns, of))

        if self._shared:
            fine = found[0].partition.fine
            joint = scene.moments(fine, targets, context, partial(settled, of=found))
            return [column(joint, at) for at in range(len(targets))]
        return [
            scene.moments(
                features.partition.fine,
                [target],
                context.within(target.name),
                partial(settled, of=[features]),
            )
            for features, target in zip(found, targets, strict=True)
        ]

    def _settled(self, pool: Moments, features: Features) -> bool:
        known = fit(self._above_baseline(pool), features, self.params).fine.reliability
        return known is not None and known >= SETTLED

    def _above_baseline(self, pool: Moments) -> Moments:
        if self.params.baseline == "literal" or pool.empty is None:
            return pool
        return pool.shift(pool.empty)
