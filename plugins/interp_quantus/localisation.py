"""Quantus' metrics of localisation: how much of a map lies on the object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from interp.metric import ExplanationMetric, MetricCase
from interp_quantus.bridge import ask


@dataclass(frozen=True)
class OnMask(ExplanationMetric):
    """A metric of Quantus' that compares a map with the masks of the target's class."""

    needs_truth = "mask"
    unit = "share of the map"
    on_request = True
    Metric: ClassVar[str]
    settings: ClassVar[dict[str, Any]] = {}
    positive: ClassVar[bool] = False
    """Whether what speaks against the target is left out of the map."""

    def measure(self, case: MetricCase) -> float:
        """In the original image's coordinates, where the masks are."""
        masks = [each.mask for each in case.instances if each.mask is not None]
        mask = np.any(masks, axis=0)
        values = case.map.clip(min=0) if self.positive else case.map
        image = np.zeros((1, 1, *mask.shape), np.float32)  # its shape is all that is looked at
        return float(
            ask(self.Metric, self.settings, image, values, seed=case.context.seed, mask=mask)
        )


@dataclass(frozen=True)
class PointingGame(OnMask):
    """1 where a maximum of the map is on the object, by Quantus' PointingGame.

    J. Zhang et al.: Top-down Neural Attention by Excitation Backprop, IJCV 2018. One of several
    equal maxima is enough; in pointing the share of them counts.
    """

    unit = "share of images"
    Metric = "PointingGame"


@dataclass(frozen=True)
class AttributionLocalisation(OnMask):
    """Share of the map's absolute values on the object, by Quantus' AttributionLocalisation.

    M. Kohlbrenner et al.: Towards Best Practice in Explaining Neural Network Decisions with LRP,
    IJCNN 2020. What speaks against the target counts as much as what speaks for it. The weighting
    by the object's size is not offered: Quantus 0.6 divides by zero there for a single image.
    """

    Metric = "AttributionLocalisation"


@dataclass(frozen=True)
class RelevanceMass(OnMask):
    """Share of the positive map on the object, by Quantus' RelevanceMassAccuracy.

    L. Arras, A. Osman, W. Samek: CLEVR-XAI, Information Fusion 2022. Ours is that only what speaks
    for the target counts: with both signs the share is not bounded. It equals energy-mask.
    """

    Metric = "RelevanceMassAccuracy"
    positive = True


@dataclass(frozen=True)
class RelevanceRank(OnMask):
    """Share of the K highest pixels on the object of K pixels, by Quantus' RelevanceRankAccuracy.

    L. Arras, A. Osman, W. Samek: CLEVR-XAI, Information Fusion 2022.
    """

    unit = "share of the highest pixels"
    Metric = "RelevanceRankAccuracy"
