"""CRAFT's parameters: how concepts are found, and how their importance is measured."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from interp.params import Params


class CraftParams(Params):
    """Crops and the number of masks are the authors' or near them; cells are ours."""

    layer: str | None = Field(
        None, description="layer whose activations are factorised; default: the last map"
    )
    concepts: int = Field(10, ge=2, le=200, description="concepts of each class")
    of_class: tuple[str, ...] = Field(
        (), description="classes to learn, or to show; default: all that the images show"
    )
    images: int = Field(30, ge=2, le=10_000, description="most images per class to learn from")
    by: Literal["predicted", "label"] = Field(
        "predicted", description="which images are a class's: those that the model takes for it, "
        "or those with its label"
    )  # fmt: skip
    pieces: Literal["cells", "crops"] = Field(
        "cells",
        description="what is factorised: the cells of whole images, which keep their scale; or, as "
        "published, the mean activation of crops enlarged to the input",
    )
    crop: float = Field(
        0.3, gt=0.02, le=1, description="side of a crop as a share of the input's shorter side"
    )
    step: float = Field(0.8, ge=0.1, le=1, description="distance of crops as a share of their side")
    scored: int = Field(
        10, ge=2, le=10_000, description="images per class on which importance is measured"
    )
    masks: int = Field(
        1000, ge=48, le=1_000_000, description="masks of concepts per image, for importance"
    )
    design: Literal["sobol", "random"] = Field(
        "sobol", description="masks from scrambled Sobol sequences, or plain random numbers"
    )
    output: Literal["logit", "prob", "logprob"] = Field(
        "logit", description="class score whose variance is divided among the concepts"
    )
    examples: int = Field(4, ge=1, le=20, description="pictures kept of each concept")
    picture: int = Field(48, ge=16, le=256, description="side of these pictures in pixels")
    shown: int = Field(6, ge=1, le=100, description="concepts whose maps are shown on an image")
