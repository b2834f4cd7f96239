"""Baseline maps that ignore the model: what any method has to beat."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydantic import Field

from interp.context import Context
from interp.engine.random import content_key
from interp.evidence import Heatmap
from interp.explanation import Explanation
from interp.method import PerImageMethod
from interp.model import ModelAdapter
from interp.params import Params
from interp.target import Target

BATCH = 16
"""Images whose classes are predicted in one pass, where the budget names no number."""
SIGMA = 0.25
"""The centred Gaussian's standard deviation as a share of each side; our choice."""


@dataclass(frozen=True)
class Baseline(PerImageMethod):
    """The same map for every target; the model is not run."""

    @abstractmethod
    def draw(self, image: np.ndarray, seed: int) -> np.ndarray:
        """The map (H, W) of an image (H, W, 3) uint8, 0 or more."""

    def images_at_once(self, model: ModelAdapter, context: Context) -> int:
        """As many as share one prediction."""
        return context.budget.batch_size or BATCH

    def explain_image(
        self, model: ModelAdapter, image: np.ndarray, targets: Sequence[Target], context: Context
    ) -> Explanation:
        """One map, repeated for each target."""
        values = self.draw(image, context.seed).astype(np.float32)
        found = Heatmap(name="map", values=values, signed=False, unit="")
        return Explanation(tuple(replace(found, target=each.name) for each in targets))


class NoiseParams(Params):
    """The noise's parameters."""

    sigma: float = Field(
        0.05, ge=0, le=1, description="blur as a share of the shorter side; 0: pixel noise"
    )


@dataclass(frozen=True)
class Noise(Baseline):
    """Uniform noise, blurred to the spot size of a typical map; depends on image and seed."""

    Params = NoiseParams

    params: NoiseParams

    def draw(self, image: np.ndarray, seed: int) -> np.ndarray:
        """Noise (H, W) stretched to [0, 1]."""
        import cv2

        key = int(content_key(image, seed), 16)
        noise = np.random.default_rng(key).random(image.shape[:2], np.float32)
        sigma = self.params.sigma * min(noise.shape)
        if sigma > 0:
            noise = cv2.GaussianBlur(noise, (0, 0), sigma)
        low, high = float(noise.min()), float(noise.max())
        return (noise - low) / max(high - low, 1e-12)


class CentreParams(Params):
    """The Gaussian's parameters."""

    sigma: float = Field(
        SIGMA, ge=0.001, le=10, description="standard deviation as a share of each side"
    )


@dataclass(frozen=True)
class Centre(Baseline):
    """A Gaussian in the middle: photographers put things there."""

    Params = CentreParams

    params: CentreParams

    def draw(self, image: np.ndarray, seed: int) -> np.ndarray:
        """The Gaussian (H, W), 1 in the middle."""
        return centred_gaussian(image.shape[:2], self.params.sigma)


@dataclass(frozen=True)
class Edges(Baseline):
    """An edge detector: how steep the brightness is, by Sobel's filter."""

    def draw(self, image: np.ndarray, seed: int) -> np.ndarray:
        """Length of the brightness gradient, (H, W)."""
        import cv2

        if image.dtype == np.uint8:
            grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
        else:  # other channels than RGB, in [0, 1]
            grey = image.mean(2, dtype=np.float32)
        across, down = (cv2.Sobel(grey, cv2.CV_32F, *axes) for axes in ((1, 0), (0, 1)))
        return np.hypot(across, down)


def centred_gaussian(shape: Sequence[int], sigma: float = SIGMA) -> np.ndarray:
    """A Gaussian (H, W) around the image's centre, 1 at most; hard to beat on photographs."""
    offsets = ((np.arange(side) + 0.5) / side - 0.5 for side in shape)  # of pixel centres
    rows, columns = (np.exp(-(offset**2) / (2 * sigma**2)) for offset in offsets)
    return np.outer(rows, columns).astype(np.float32)
