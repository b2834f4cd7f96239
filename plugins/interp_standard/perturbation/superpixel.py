"""Super-pixels, switched off one by one or at random."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.engine.component import Experiment, Perturbation
from interp.errors import InputError
from interp.evidence import Evidence, Regions
from interp.params import Params
from interp_standard.perturbation.region import RegionParams, region_experiment

if TYPE_CHECKING:
    from interp.context import Context
    from interp.engine.design import RegionDesign
    from interp.model import ModelAdapter


class SuperpixelParams(RegionParams):
    """How the image is cut into super-pixels; scikit-image's algorithms."""

    algorithm: Literal["slic", "quickshift"] = Field(
        "slic", description="slic: about as many as wanted, compact; quickshift: along edges"
    )
    segments: int = Field(50, ge=2, le=2000, description="slic: super-pixels wanted")
    compactness: float = Field(
        10.0, gt=0, description="slic: how square they are, against how even in colour"
    )
    smoothing: float = Field(
        1.0, ge=0, description="slic: blur before it, pixels, so that noise makes no super-pixels"
    )
    kernel_size: float = Field(4.0, ge=1, description="quickshift: width of its density, pixels")
    max_distance: float = Field(
        200.0, gt=0, description="quickshift: farthest link; larger gives fewer super-pixels"
    )


class Superpixels(Perturbation):
    """Regions of similar colour, found by SLIC or quickshift on the network's input."""

    Params: ClassVar[type[Params]] = SuperpixelParams

    def bind(
        self, model: ModelAdapter, image: np.ndarray, count: int, context: Context
    ) -> Experiment:
        """The experiment on an image (H, W, 3) uint8."""
        pixels, placement = model.prepare(image)
        picture = pixels.permute(1, 2, 0).double().clamp(0, 1).cpu().numpy()
        labels = self._segment(picture, context.seed)
        return region_experiment(model, pixels, placement, labels, self.params, count, context.seed)

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
        return [
            Regions(
                name="super-pixels", labels=labels, importance=values, standard_error=error, **about
            )
        ]

    def _segment(self, picture: np.ndarray, seed: int) -> np.ndarray:
        """Labels (h, w) from 0, none left out, of a picture (h, w, 3) in [0, 1]."""
        from skimage.segmentation import quickshift, relabel_sequential, slic

        params = self.params
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
                rng=seed,
            )
        dense: np.ndarray = relabel_sequential(labels.astype(np.int64) + 1)[0] - 1
        if dense.max() == 0:
            raise InputError(
                f"{params.algorithm} finds one super-pixel in the image, expected two or more; "
                "change its parameters, or use cells of a grid"
            )
        return dense
