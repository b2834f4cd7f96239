"""Metrics against the image's truth: pointing game, box localization and energy on the object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from interp.dataset import Example, Instance
from interp.metric import ExplanationMetric, MetricCase, MetricParams, instances_of
from interp.target import Target
from interp_standard.localize import energy, inside, iou, largest_box, pointing
from interp_standard.thresholds import sweep


class PointingParams(MetricParams):
    """The pointing game's parameters."""

    tolerance: float = Field(
        0, ge=0, description="distance in pixels at which the maximum still hits; 15 in the paper"
    )


@dataclass(frozen=True)
class Pointing(ExplanationMetric):
    """1 where the map's maximum is on an object of the target's class, by its mask or else box.

    J. Zhang et al.: Top-down Neural Attention by Excitation Backprop, ECCV 2016. Equal maxima
    count by the share of them that hit.
    """

    Params = PointingParams
    needs_truth = "box"
    unit = "share of images"

    params: PointingParams

    def measure(self, case: MetricCase) -> float:
        """1 for a hit, 0 for a miss."""
        shape = case.image.shape[:2]
        places = [
            inside([each.box], shape) if each.mask is None else each.mask for each in case.instances
        ]
        return pointing(case.map, np.any(places, axis=0), self.params.tolerance)


class LocalizedParams(MetricParams):
    """Box localization's parameters."""

    share: float | None = Field(
        None,
        ge=0,
        le=1,
        description="threshold as a share of the map's maximum; none: for each method the share "
        "that is best on the other half of the images",
    )
    accept: float = Field(0.5, gt=0, le=1, description="IoU from which a box is right")


@dataclass(frozen=True)
class Localized(ExplanationMetric):
    """1 where the box around the map's largest lit component fits a box of the target's class.

    Ground-truth-known localization at IoU .5. Each method has a threshold that suits it: images at
    even places take the one that is best at odd places, and the other way round.
    """

    Params = LocalizedParams
    needs_truth = "box"
    unit = "share of images"

    params: LocalizedParams

    def measure(self, case: MetricCase) -> float | Sequence[float]:
        """1 for a box that fits, 0 for another or none; without a share, at each of SHARES."""
        truths = [each.box for each in case.instances]
        if self.params.share is None:
            fits: list[float] = (sweep(case.map, truths)[0] >= self.params.accept).tolist()
            return [float(each) for each in fits]
        box = largest_box(case.map, self.params.share)
        if box is None:
            return 0.0
        return float(iou([box], truths).max() >= self.params.accept)


@dataclass(frozen=True)
class EnergyMask(ExplanationMetric):
    """Share of the positive map inside the masks of the target's class; 0 for an empty map.

    H. Wang et al.: Score-CAM, CVPR Workshops 2020 (the energy-based pointing game), who use boxes.
    """

    needs_truth = "mask"
    unit = "share of the map"

    def measure(self, case: MetricCase) -> float:
        masks = [each.mask for each in case.instances if each.mask is not None]
        return energy(case.map, np.any(masks, axis=0))


class PartsParams(MetricParams):
    """Parameters of the energy on parts."""

    parts: tuple[str, ...] = Field(
        (), description="names of the parts; none: those marked as defining in the data set"
    )


@dataclass(frozen=True)
class EnergyParts(ExplanationMetric):
    """Share of the positive map inside the parts that distinguish the target's class.

    Sharper than the whole mask: where the parts alone distinguish the class, the rest of the object
    is no reason for it.
    """

    Params = PartsParams
    needs_truth = "parts"
    unit = "share of the map"

    params: PartsParams

    def applies(self, example: Example, target: Target) -> bool:
        """Whether the mask of such a part is known."""
        return bool(self._masks(instances_of(example, target)))

    def measure(self, case: MetricCase) -> float:
        return energy(case.map, np.any(self._masks(case.instances), axis=0))

    def _masks(self, instances: list[Instance]) -> list[np.ndarray]:
        wanted = self.params.parts
        return [
            part.mask
            for each in instances
            for part in each.parts
            if part.mask is not None and (part.name in wanted if wanted else part.defining)
        ]
