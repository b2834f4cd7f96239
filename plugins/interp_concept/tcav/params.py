"""TCAV's parameters: what shows a concept, how its direction is learned, and how it is tested."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from interp.params import Params


class TcavParams(Params):
    """The classifier, the pooling and the test are ours, for the reasons in docs/concepts.md."""

    layer: str | None = Field(
        None, description="layer in which concepts are directions; default: the last map"
    )
    source: Literal["folders", "parts"] = Field(
        "folders",
        description="what fit's data show: images of each concept under its name; or objects with "
        "named parts, as creatures, each part being a concept",
    )
    each_class: bool = Field(
        False, description="of data with parts, make each class's part a concept of its own"
    )
    counter: str = Field(
        "random",
        description="class of the data that holds counter-examples, of parts squares anywhere in "
        "the image; others, or a name that is no class: the other concepts' images",
    )
    images: int = Field(50, ge=2, le=10_000, description="most images per concept to learn from")
    pieces: Literal["cells", "crops"] = Field(
        "cells",
        description="a part's activation: the mean of its cells in the whole image, or of a crop "
        "enlarged to the input",
    )
    crop: float = Field(
        0.3, gt=0.02, le=1, description="side of a part's square as a share of the shorter side"
    )
    ridge: float = Field(
        0.1,
        ge=0,
        le=1e6,
        description="penalty of the classifier, relative to the images' mean squared distance from "
        "their mean",
    )
    splits: int = Field(
        20, ge=2, le=1000, description="random splits of the images, for accuracy and spread"
    )
    permutations: int = Field(
        999, ge=19, le=100_000, description="random concepts that p-values are computed from"
    )
    statistic: Literal["derivative", "score"] = Field(
        "derivative",
        description="what is tested: the mean derivative, or the TCAV score's distance from 1/2",
    )
    correction: Literal["bonferroni", "none"] = Field(
        "bonferroni", description="p-values times the number of concepts, or as they are"
    )
    level: float = Field(
        0.05, gt=0, lt=1, description="corrected p-value below which a concept is significant"
    )
    output: Literal["logit", "prob", "logprob"] = Field(
        "logit", description="class score whose derivative is taken"
    )
    by: Literal["predicted", "label"] = Field(
        "predicted",
        description="which images are a class's in a survey: those that the model takes for it, or "
        "those with its label",
    )
    class_images: int = Field(
        50, ge=1, le=10_000, description="most images per class that a survey reads"
    )
    of_class: tuple[str, ...] = Field(
        (), description="classes to survey; default: all that the images show"
    )
    examples: int = Field(4, ge=1, le=20, description="pictures kept of each concept")
    picture: int = Field(48, ge=16, le=256, description="side of these pictures in pixels")
    shown: int = Field(6, ge=1, le=100, description="concepts whose maps are shown on an image")
