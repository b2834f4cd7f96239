"""Maps that see no model: what a method has to beat."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from interp.engine.random import content_key
from interp.evidence import Heatmap
from interp.explanation import Explanation
from interp.method import Method
from interp.params import Params
from interp_standard.localize.centre import SIGMA, centre

if TYPE_CHECKING:
    from interp.context import Context
    from interp.knowledge import Knowledge
    from interp.model import ModelAdapter
    from interp.target import Target


@dataclass(frozen=True)
class Baseline(Method):
    """The same map for every target; the model is asked nothing."""

    @abstractmethod
    def draw(self, image: np.ndarray, seed: int) -> np.ndarray:
        """The map (H, W) of an image (H, W, 3) uint8, 0 or more."""

    def explain(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Target],
        knowledge: Knowledge | None,
        context: Context,
    ) -> Explanation:
        """A map for each image and target."""
        evidence = []
        for at, image in enumerate(images):
            context.out_of_time()
            values = self.draw(image, context.seed).astype(np.float32)
            found = Heatmap(name="map", image=at, values=values, signed=False, unit="no unit")
            evidence += [replace(found, target=each.name) for each in targets]
        return Explanation(tuple(evidence))


class NoiseParams(Params):
    """How coarse the noise is."""

    sigma: float = Field(
        0.05, ge=0, le=1, description="blur as a share of the shorter side; 0: pixel noise"
    )


@dataclass(frozen=True)
class Noise(Baseline):
    """Uniform noise, blurred to spots as large as maps have; another for each image and seed."""

    Params: ClassVar[type[Params]] = NoiseParams

    params: NoiseParams

    def draw(self, image: np.ndarray, seed: int) -> np.ndarray:
        """From 0 to 1."""
        import cv2

        key = int(content_key(image, seed), 16)
        noise = np.random.default_rng(key).random(image.shape[:2], np.float32)
        sigma = self.params.sigma * min(noise.shape)
        if sigma > 0:
            noise = cv2.GaussianBlur(noise, (0, 0), sigma)
        low, high = float(noise.min()), float(noise.max())
        return (noise - low) / max(high - low, 1e-12)


class CentreParams(Params):
    """How wide the Gaussian is."""

    sigma: float = Field(
        SIGMA, gt=0, le=10, description="standard deviation as a share of each side"
    )


@dataclass(frozen=True)
class Centre(Baseline):
    """A Gaussian in the middle: photographers put things there."""

    Params: ClassVar[type[Params]] = CentreParams

    params: CentreParams

    def draw(self, image: np.ndarray, seed: int) -> np.ndarray:
        """1 in the middle."""
        height, width = image.shape[:2]
        return centre((height, width), self.params.sigma)


@dataclass(frozen=True)
class Edges(Baseline):
    """An edge detector: how steep the brightness is, by Sobel's filter."""

    def draw(self, image: np.ndarray, seed: int) -> np.ndarray:
        """The gradient's length."""
        import cv2

        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
        across, down = (cv2.Sobel(grey, cv2.CV_32F, *axes) for axes in ((1, 0), (0, 1)))
        return np.hypot(across, down)


BASELINES: dict[str, type[Baseline]] = {"random": Noise, "centre": Centre, "edges": Edges}
