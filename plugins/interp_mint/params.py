"""MINT's parameters, among them each choice that the paper leaves open."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from interp.params import Params


class MintParams(Params):
    """The paper gives samples and quickshift's settings (LIME's); the other values are ours."""

    samples: int = Field(5000, ge=200, description="perturbed images per target")
    deep: str | None = Field(
        None, description="layer of the coarse features and the saliency; default: the last map"
    )
    shallow: str | None = Field(
        None, description="layer of the fine features; default: by shallow_stride"
    )
    shallow_stride: float = Field(
        2.0, gt=0, description="default shallow layer: the last with cells this close, in pixels"
    )
    fill: Literal["mean", "grey", "black"] = Field(
        "mean", description="colour of pieces that are off; mean: the mean of the network's inputs"
    )
    bands: tuple[int, ...] | None = Field(
        None,
        description="channels of the image that are hidden, from 1, while the others stay as they "
        "are; default: all",
    )
    baseline: Literal["literal", "empty"] = Field(
        "literal", description="explain the score or, empty, how far it is above an empty image's"
    )
    sigma: float | None = Field(
        None,
        gt=0,
        description="width of the locality weight exp(-|X-Z|^2/sigma^2); default: median",
    )
    common_partition: bool = Field(
        False, description="all targets share one partition, the common refinement, and its samples"
    )

    sure: float = Field(
        0.7, description="above this share of its maximum, saliency surely means the target"
    )
    probable: float = Field(
        0.3, description="above this share: probably the target (GrabCut may decide otherwise)"
    )
    possible: float = Field(
        0.05, description="above this share: probably not the target; below: surely not"
    )
    grabcut_rounds: int = Field(5, ge=1, description="iterations of GrabCut")
    background: int = Field(6, ge=1, description="number of SLIC segments of the background")
    compactness: float = Field(10.0, gt=0, description="weight of nearness against colour in SLIC")
    kernel_size: float = Field(4.0, gt=0, description="kernel width of quickshift, in pixels")
    max_dist: float = Field(200.0, gt=0, description="longest link of quickshift, in pixels")
    ratio: float = Field(0.2, ge=0, le=1, description="weight of colour in quickshift")
    min_size: int = Field(20, ge=1, description="a fine piece of fewer pixels joins a neighbour")

    feature_norm: bool = Field(
        True, description="divide each layer's pooled features by their mean size; off: literal"
    )
    coupling: Literal["weights", "importances", "none"] = Field(
        "weights",
        description="what of a coarse region is the sum over its fine pieces: its weight, as in "
        "the paper; importances (ours): weight times pooled feature, which does not depend on how "
        "large the two layers' features are; none: the scales are fitted apart, as a control",
    )
    lambda_c: float = Field(
        0.01, ge=0, le=1, description="coarse sparsity, as a share of what leaves no region"
    )
    lambda_f: float = Field(
        0.02, ge=0, le=1, description="fine sparsity, as a share of what leaves no piece"
    )
    mu: float = Field(1.0, gt=0, description="weight of the fine fit relative to the coarse one")
    penalty: float = Field(
        0.1, gt=0, description="penalty of ADMM, as a share of each Gram matrix's mean diagonal"
    )
    inner: int = Field(5, ge=1, description="rounds of ADMM at one scale before the other's turn")
    outer: int = Field(2000, ge=1, description="most turns of both scales before the solver stops")
    tolerance: float = Field(
        1e-7, gt=0, description="relative primal and dual residuals at which the solver stops"
    )
    standard_error: bool = Field(True, description="compute standard errors by jackknife")

    regions: int = Field(1, ge=1, description="most coarse regions that are shown")
    least_share: float = Field(
        0.05, ge=0, description="a coarse region is shown from this share of the image's score on"
    )
    least: float = Field(
        0.01, ge=0, description="a coarse region is shown from this importance on, as a probability"
    )
    fine_share: float = Field(
        0.2, ge=0, le=1, description="a fine piece is shown above this share of the largest"
    )
