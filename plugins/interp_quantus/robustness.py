"""Quantus' metrics of robustness: how far a map moves when noise is added to the image."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from interp.metric import ExplanationMetric, MetricCase, MetricParams
from interp_quantus.bridge import ask


class NoisyParams(MetricParams):
    """Parameters of a metric that explains noisy copies of the image."""

    images: int | None = Field(10, ge=1, description="number of images measured, the first ones")
    copies: int = Field(
        10, ge=1, le=1000, description="number of noisy copies that are explained, 200 in Quantus"
    )


@dataclass(frozen=True)
class Noisy(ExplanationMetric):
    """A metric of Quantus' that explains noisy copies of the image again.

    The noise is added to the original image in [0, 1], where the copies are cut to, and is drawn
    from the seed. A method that draws at random draws the same for every copy.
    """

    Params = NoisyParams
    higher_is_better = False
    on_request = True
    Metric: ClassVar[str]

    params: Any

    def measure(self, case: MetricCase) -> float:
        """The largest change over the copies."""
        levels = 255.0 if case.image.dtype == np.uint8 else 1.0
        image = case.image.transpose(2, 0, 1)[None] / levels  # (1, C, H, W)
        settings = {"nr_samples": self.params.copies, "perturb_func": self._adding_noise(case)}

        def explain(inputs: np.ndarray, **_: object) -> np.ndarray:
            case.context.out_of_time()
            copy = inputs[0].transpose(1, 2, 0).astype(np.float32)
            return case.explain(image=copy)

        seed = case.context.seed
        return float(ask(self.Metric, settings, image, case.map, seed=seed, explain=explain))

    @abstractmethod
    def noise(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """One draw of the noise."""

    def _adding_noise(self, case: MetricCase) -> Callable[..., np.ndarray]:
        random = np.random.default_rng(case.context.seed)

        def perturb(arr: np.ndarray, **_: object) -> np.ndarray:
            return (arr + self.noise(random, arr.shape)).clip(0, 1)

        return perturb


class LipschitzParams(NoisyParams):
    """The local Lipschitz estimate's parameters."""

    noise: float = Field(
        0.1, gt=0, le=1, description="standard deviation of the Gaussian noise, in [0, 1]"
    )


@dataclass(frozen=True)
class LocalLipschitz(Noisy):
    """max |R(x) - R(x')| / |x - x'| over noisy copies x', by Quantus' LocalLipschitzEstimate.

    R is the map over its largest absolute value, and |.| the Euclidean norm over all pixels, of x
    also over colours. D. Alvarez-Melis, T. S. Jaakkola: On the Robustness of Interpretability
    Methods, 2018.
    """

    Params = LipschitzParams
    unit = "map per image distance"
    Metric = "LocalLipschitzEstimate"

    params: LipschitzParams

    def noise(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Gaussian."""
        return random.normal(0, self.params.noise, shape)


class SensitivityParams(NoisyParams):
    """Max-sensitivity's parameters."""

    radius: float = Field(
        0.2, gt=0, le=1, description="largest change of a pixel's colour, in [0, 1]"
    )


@dataclass(frozen=True)
class MaxSensitivity(Noisy):
    """max |R(x) - R(x')| / |R(x)| over copies x' within a radius of x, by Quantus' MaxSensitivity.

    R is the map, |.| the Euclidean norm. C.-K. Yeh et al.: On the (In)fidelity and Sensitivity of
    Explanations, NeurIPS 2019.
    """

    Params = SensitivityParams
    unit = "share of the map's norm"
    Metric = "MaxSensitivity"

    params: SensitivityParams

    def noise(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Uniform."""
        return random.uniform(-self.params.radius, self.params.radius, shape)
