"""Feature ablation by Captum, with super-pixels as the features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from interp.evidence import Evidence, Regions
from interp_captum.bridge import captum
from interp_captum.method import CaptumInput, CaptumMethod, CaptumParams, Fill


class AblationParams(CaptumParams):
    """Feature ablation's parameters."""

    segments: int = Field(50, ge=2, le=2000, description="approximate number of super-pixels")
    fill: Fill = Field("mean", description="colour of a hidden part; mean is zero once normalised")


@dataclass(frozen=True)
class FeatureAblation(CaptumMethod):
    """What the score loses when a super-pixel alone is hidden: `score(x) - score(x without it)`.

    The simplest attribution of all, by Captum's FeatureAblation; the parts are those of the
    registered perturbation superpixels (SLIC). Captum's FeaturePermutation has no place here: it
    swaps a part's values between the images of a batch, and a single image has none to swap with.
    """

    Params = AblationParams

    params: AblationParams

    def attribute(self, given: CaptumInput) -> tuple[Evidence, ...]:
        """Each super-pixel's loss."""
        labels = self._labels(given)
        count = int(labels.max()) + 1
        given.score.total = count + 1
        method = captum().FeatureAblation(given.score.without_gradient)
        found = method.attribute(
            given.pixels,
            baselines=given.plain_image(self.params.fill),
            feature_mask=given.model.to_device(labels)[None, None],
            perturbations_per_eval=given.score.batch,
        )  # (1, C, h, w), a part's loss at each of its pixels
        first = np.unique(labels, return_index=True)[1]
        importance = found[0, 0].flatten().float().cpu().numpy()[first]
        return (
            Regions(
                name="super-pixels",
                target=given.score.target.name,
                labels=given.placement.to_image(labels.astype(np.int32), fill=-1),
                importance=importance,
                unit=given.model.unit(self.params.output),
            ),
        )

    def _labels(self, given: CaptumInput) -> np.ndarray:
        """The super-pixel of each pixel of the input, (h, w)."""
        context = given.score.context
        parts = context.lookup("perturbation", "superpixels")
        chosen = parts(parts.Params(segments=self.params.segments))
        labels: np.ndarray = chosen.partition(given.pixels[0], context.seed)
        return labels
