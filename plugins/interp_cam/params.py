"""Parameters that class activation maps share."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from interp.params import Params
from interp_cam.fusion import Fusion


class CamParams(Params):
    """Parameters of every class activation map."""

    layer: str | None = Field(
        None, description="layer whose channels are weighted; default: the last one with a grid"
    )
    positive: bool = Field(
        False, description="keep only positive values, which support the target (ReLU)"
    )
    layers: tuple[str, ...] = Field(
        (), max_length=64, description="several layers whose maps are fused, in place of layer"
    )
    fusion: Fusion = Field(
        "mean",
        description="what the maps of several layers become, each one's positive part scaled to "
        "0..1: their mean, maximum or product",
    )
    noise: float = Field(
        0.0,
        ge=0,
        le=1,
        description="standard deviation of the noise on copies of the image whose maps are "
        "averaged, as a share of the image's value range; 0: no copies",
    )
    copies: int = Field(
        16,
        ge=2,
        le=100_000,
        description="number of noisy copies of an image, where there is noise",
    )


class SlopeCamParams(CamParams):
    """Parameters of the class activation maps that weigh by slopes."""

    output: Literal["logit", "prob"] = Field(
        "logit", description="class score that is explained: the logit or the probability"
    )
