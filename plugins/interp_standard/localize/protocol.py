"""The whole measurement: thresholds tuned on some images, scores and baseline on others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from interp.context import Progress, no_progress
from interp.evaluation.bootstrap import RESAMPLES
from interp_standard.localize.centre import SIGMA, centre
from interp_standard.localize.report import Row, rows
from interp_standard.localize.score import Score, Truth, score
from interp_standard.localize.sweep import tune


@dataclass(frozen=True)
class Localization:
    """Weakly supervised localization of the image's class by a map, one map per image.

    The box is that around the largest component above `share` of the map's maximum; it is right
    at IoU .5 with any of the class's boxes. Top-k error asks besides that the class be among the
    model's first k, so only the right class's map is needed. Known-class error asks the box alone.
    MaxBoxAccV2 (Choe et al., CVPR 2020): at every threshold an image counts when the box of *any*
    component fits; accuracy at the best threshold, averaged over IoU .3, .5 and .7. Three things
    are ours: negative values are clipped where theirs stretch the map from its minimum, holes in
    a component give no boxes, and edges lie between pixels. It picks its threshold on the images
    it scores; every other number uses `share`, which `tuned` takes from others.
    Energy is the share of the positive map in the object, pointing asks whether its maximum is.
    A map without positive value finds nothing: every score 0.
    """

    share: float
    centre_share: float
    """The centred Gaussian's own threshold."""
    sigma: float = SIGMA
    """The Gaussian's standard deviation as a share of each side."""
    tolerance: float = 0
    """Pixels by which pointing may miss."""

    @classmethod
    def tuned(
        cls,
        maps: Iterable[np.ndarray],
        truths: Sequence[Truth],
        sigma: float = SIGMA,
        tolerance: float = 0,
        progress: Progress = no_progress,
    ) -> Localization:
        """Thresholds of the maps and of the Gaussian, from images that are not scored later."""
        boxes = [each.boxes for each in truths]
        centres = (centre(each.shape, sigma) for each in truths)
        share = tune(maps, boxes, progress=progress)
        return cls(share, tune(centres, boxes, progress=progress), sigma, tolerance)

    def score(
        self, maps: Iterable[np.ndarray], truths: Sequence[Truth], progress: Progress = no_progress
    ) -> Score:
        """What maps (H, W) of the right class reach, image by image; two such make `rows`."""
        return score(maps, truths, self.share, self.tolerance, progress)

    def score_centre(self, truths: Sequence[Truth], progress: Progress = no_progress) -> Score:
        """What the centred Gaussian reaches on the same images."""
        centres = (centre(each.shape, self.sigma) for each in truths)
        return score(centres, truths, self.centre_share, self.tolerance, progress)

    def report(
        self,
        maps: Iterable[np.ndarray],
        truths: Sequence[Truth],
        generator: np.random.Generator,
        resamples: int = RESAMPLES,
        progress: Progress = no_progress,
    ) -> list[Row]:
        """Every metric of the maps beside the centred Gaussian's, with the paired difference."""
        own, other = self.score(maps, truths, progress), self.score_centre(truths, progress)
        return rows(own, other, generator, resamples)
