"""Disjoint regions of an image, grid cells or super-pixels, and how they are switched off."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from interp.engine.component import Experiment
from interp.engine.design import ListedRegions, RegionDesign
from interp.engine.random import draw_bits
from interp.errors import InputError
from interp.evidence import Evidence, Regions
from interp.model import ModelAdapter
from interp_standard.perturbation.image import FillParams, ImagePerturbation, cover
from interp_standard.weighting import log_shapley_kernel

if TYPE_CHECKING:
    from torch import Tensor

LARGEST = 16
"""Number of parts up to which all states may be listed."""
UNIT = 2.0**-32
"""One step of a uint32 as a share of its range."""


class RegionParams(FillParams):
    """Parameters of region perturbations."""

    states: Literal["coin", "shapley", "single"] = Field(
        "coin",
        description="coin: each part on or off by a fair coin; shapley: by the Shapley kernel, "
        "in complementary pairs; single: each part off alone. Where there are no more states "
        "than samples, coin and shapley try all of them once",
    )


class RegionPerturbation(ImagePerturbation):
    """Switches disjoint regions on and off; subclasses cut the image into them."""

    @abstractmethod
    def partition(self, pixels: Tensor, seed: int) -> np.ndarray:
        """Labels (h, w) from 0, none left out, of an image (3, h, w)."""

    def design(self, model: ModelAdapter, pixels: Tensor, count: int, seed: int) -> RegionDesign:
        """States by the parameter `states`; all of them where there are no more than `count`."""
        labels = self.partition(pixels, seed)
        fill = cover(self.params, model, pixels, labels)
        parts = int(labels.max()) + 1
        if self.params.states == "single":
            return ListedRegions(pixels, labels, fill, states=1 - np.eye(parts, dtype=np.uint8))
        if parts <= LARGEST and 2**parts <= count:
            return ListedRegions(pixels, labels, fill, states=every_state(parts))
        kind = ShapleyRegions if self.params.states == "shapley" else RegionDesign
        return kind(pixels, labels, fill, seed)


class CellParams(RegionParams):
    """Parameters of the grid."""

    cells: int = Field(7, ge=2, le=128, description="cells along each side of the grid")


class Cells(RegionPerturbation):
    """A grid of `cells` x `cells` equal rectangles."""

    Params = CellParams

    def partition(self, pixels: Tensor, seed: int) -> np.ndarray:
        return grid(pixels.shape[1], pixels.shape[2], self.params.cells)


class SuperpixelParams(RegionParams):
    """Parameters of scikit-image's superpixel algorithms."""

    algorithm: Literal["slic", "quickshift"] = Field(
        "slic",
        description="slic: about `segments` compact regions; quickshift: regions that follow edges",
    )
    segments: int = Field(50, ge=2, le=2000, description="slic: approximate number of super-pixels")
    compactness: float = Field(
        10.0, gt=0, description="slic: weight of compact shape against even colour"
    )
    smoothing: float = Field(
        1.0, ge=0, description="slic: Gaussian blur of the image before segmentation, pixels"
    )
    kernel_size: float = Field(
        4.0, ge=1, description="quickshift: width of the density kernel, pixels"
    )
    max_distance: float = Field(
        200.0, gt=0, description="quickshift: longest link; larger values give fewer super-pixels"
    )


class Superpixels(RegionPerturbation):
    """Regions of similar colour, found by SLIC or quickshift on the network's input.

    A state s says for each region whether it is shown; the others are painted over with the fill.
    All pixels of a region get the region's weight.
    """

    Params = SuperpixelParams

    def partition(self, pixels: Tensor, seed: int) -> np.ndarray:
        from skimage.segmentation import quickshift, relabel_sequential, slic

        params = self.params
        picture = pixels.permute(1, 2, 0).double().clamp(0, 1).cpu().numpy()  # (h, w, C)
        if params.algorithm == "slic":
            labels = slic(
                picture,
                params.segments,
                params.compactness,
                sigma=params.smoothing,
                start_label=0,
            )
        else:
            labels = quickshift(
                picture,
                kernel_size=params.kernel_size,
                max_dist=params.max_distance,
                ratio=0.2,
                convert2lab=picture.shape[2] == 3,
                rng=seed,
            )
        dense: np.ndarray = relabel_sequential(labels.astype(np.int64) + 1)[0] - 1
        if dense.max() < 1:
            raise InputError(
                f"{params.algorithm} finds one super-pixel in the image, expected two or more; "
                "change its parameters, or use cells of a grid"
            )
        return dense

    def to_evidence(
        self,
        experiment: Experiment,
        values: np.ndarray,
        error: np.ndarray | None,
        about: dict[str, Any],
    ) -> list[Evidence]:
        """The super-pixels with their importance."""
        design: RegionDesign = experiment.design  # type: ignore[assignment]
        labels = experiment.placement.to_image(design.labels.astype(np.int32), fill=-1)
        about = {"name": "super-pixels", "standard_error": error, **about}
        return [Regions(labels=labels, importance=values, **about)]


def grid(height: int, width: int, cells: int) -> np.ndarray:
    """Labels (h, w) of a square grid of cells, row by row."""
    rows, columns = (np.arange(each) * cells // each for each in (height, width))
    return np.add.outer(rows * cells, columns)


@dataclass(frozen=True, eq=False)
class ShapleyRegions(RegionDesign):
    """States drawn by the Shapley kernel, each followed by its complement.

    The number of parts that are on has p(s) ~ 1 / (s (P - s)), 0 < s < P, and is drawn
    stratified within a chunk; which parts, uniformly. S. Lundberg, S.-I. Lee: A Unified Approach
    to Interpreting Model Predictions, NeurIPS 2017; pairs after I. Covert, S.-I. Lee, AISTATS
    2021. The strata are ours.
    """

    def draw(self, chunk: int) -> Tensor:
        import torch

        pairs = self.chunk // 2
        bits = draw_bits(
            self.seed, f"{self.stream}/{self.key}", chunk, pairs * (self.parts + 1)
        ).reshape(pairs, self.parts + 1)
        place = (np.arange(pairs) + bits[:, 0] * UNIT) / pairs  # one in each stratum
        sizes = 1 + np.searchsorted(self._cumulated, place, side="right")
        rank = bits[:, 1:].argsort(1, kind="stable").argsort(1, kind="stable")
        on = rank < np.minimum(sizes, self.parts - 1)[:, None]
        states = np.stack([on, ~on], 1).reshape(-1, self.parts).astype(np.uint8)
        if chunk == 0:
            states[0], states[1] = 1, 0
        return torch.from_numpy(states).to(self.device)

    def proposal(self, states: Tensor) -> Tensor:
        return log_shapley_kernel(states).exp()

    @property
    def law(self) -> tuple[object, ...]:
        return self.seed, self.stream, "shapley"

    @property
    def _cumulated(self) -> np.ndarray:
        size = np.arange(1, self.parts)
        chance = 1 / (size * (self.parts - size))
        found: np.ndarray = np.cumsum(chance / chance.sum())
        return found


def every_state(parts: int) -> np.ndarray:
    """All states but all-on and all-off, (2^P - 2, P) uint8."""
    codes = np.arange(1, 2**parts - 1)
    return (codes[:, None] >> np.arange(parts) & 1).astype(np.uint8)
