"""MINT's parameters: what the paper leaves open, each by name."""

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
        2.0, gt=0, description="the default shallow layer is the last with cells this close, pixels"
    )
    fill: Literal["mean", "grey", "black"] = Field(
        "mean", description="colour of what is off; mean is zero in the network's normalised input"
    )
    baseline: Literal["literal", "empty"] = Field(
        "literal", description="empty: explain the score less that of the empty image"
    )
    sigma: float | None = Field(
        None, gt=0, description="of the locality weight exp(-|X - Z|^2 / sigma^2); default: median"
    )
    common_partition: bool = Field(
        False, description="targets share one partition, the common refinement, and its samples"
    )

    sure: float = Field(0.7, description="saliency above this share of its maximum: the target")
    probable: float = Field(0.3, description="above this share: probably the target")
    possible: float = Field(
        0.05, description="above this share: probably not the target; below: surely not"
    )
    grabcut_rounds: int = Field(5, ge=1, description="GrabCut's iterations")
    background: int = Field(6, ge=1, description="SLIC segments of what is not the target")
    compactness: float = Field(10.0, gt=0, description="SLIC's weight of nearness over colour")
    kernel_size: float = Field(4.0, gt=0, description="quickshift's kernel width")
    max_dist: float = Field(200.0, gt=0, description="quickshift's largest link")
    ratio: float = Field(0.2, ge=0, le=1, description="quickshift's weight of colour over nearness")
    min_size: int = Field(20, ge=1, description="pixels below which a fine piece joins a neighbour")

    feature_norm: bool = Field(
        True, description="divide each layer's pooled features by their mean size; off: literal"
    )
    lambda_c: float = Field(
        0.01, ge=0, le=1, description="coarse sparsity, as a share of what leaves no region"
    )
    lambda_f: float = Field(
        0.02, ge=0, le=1, description="fine sparsity, as a share of what leaves no piece"
    )
    mu: float = Field(1.0, gt=0, description="weight of the fine fit beside the coarse one")
    penalty: float = Field(
        0.1, gt=0, description="ADMM's penalties, as a share of the mean diagonal of the Grams"
    )
    inner: int = Field(5, ge=1, description="ADMM rounds at one scale before the other's turn")
    outer: int = Field(2000, ge=1, description="most turns of both scales")
    tolerance: float = Field(
        1e-7, gt=0, description="of the relative primal and dual residuals; both must pass"
    )
    standard_error: bool = Field(True, description="errors of the importances by jackknife")

    regions: int = Field(1, ge=1, description="coarse regions shown at most")
    least_share: float = Field(
        0.05, ge=0, description="a coarse region is shown from this share of the image's score on"
    )
    least: float = Field(
        0.01, ge=0, description="and from this importance on, in units of probability"
    )
    fine_share: float = Field(
        0.2, ge=0, le=1, description="a fine piece is shown above this share of the largest"
    )
