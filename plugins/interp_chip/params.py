"""CHIP's parameters: what the paper's published figure leaves open, each by name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from interp.gallery import PICTURES, Pictures
from interp.params import Params

Rule = Literal["product", "absolute", "mean"]


class ChipParams(Params):
    """The formula is the paper's; every value here is ours, for the reasons in docs/chip.md."""

    layer: tuple[str, ...] = Field(
        (), description="layers to learn or to show; default: the last map, or all learned layers"
    )
    masks: int = Field(500, ge=200, description="perturbed networks per image")
    images: int | None = Field(
        20,
        ge=1,
        description="largest number of images to learn from, of each class and, with every_class, "
        "of those without a label; null: all",
    )
    correct: bool = Field(
        True, description="of images with a label, learn only from those that the model gets right"
    )
    every_class: bool = Field(
        False,
        description="learn all of the model's classes, also those without an image; every image "
        "counts for all of them, with or without a label",
    )
    keep: Annotated[float, Field(gt=0, lt=1)] | Literal["uniform"] = Field(
        "uniform",
        description="probability that a channel stays on; uniform: drawn from U(0.5, 1) for each "
        "perturbed network",
    )
    output: Literal["prob", "logit", "logprob"] = Field(
        "prob", description="class score g that is explained"
    )
    baseline: Literal["literal", "empty"] = Field(
        "literal", description="empty: explain the score minus its mean with all channels off"
    )
    locality: bool = Field(
        True,
        description="weight each mask d by h = exp(-|1 - d|^2 / sigma^2); off: equal weights",
    )
    sigma: float | None = Field(
        None, gt=0, description="width of h; default: sigma^2 is the median of |1 - d|^2"
    )
    image_weight: Literal["label", "all", "predicted"] = Field(
        "all",
        description="weight pi of an image for a class: 1 for all images, 1 for images with that "
        "label only, or the class probability of the unperturbed network (predicted)",
    )
    sparsity: float | None = Field(
        None,
        ge=0,
        le=1,
        description="lambda as a share of the smallest lambda that zeroes every channel; default: "
        "chosen by held-out R^2",
    )
    sparsity_per: Literal["layer", "class"] = Field(
        "class", description="one lambda for the layer, as in the formula, or one for each class"
    )
    settled: float = Field(
        0.05, gt=0, description="with --until stable: relative change of W at which fitting stops"
    )
    refined: bool = Field(False, description="combine the maps of several layers into one")
    refine: Rule = Field(
        "product",
        description="how refined combines them: product of the positive maps; absolute: deep map "
        "times |shallow map|; mean of the positive maps",
    )
    channels: int = Field(5, ge=1, description="number of most important channels to show")
    pictures: Pictures = Field("examples", description=f"survey's pictures of channels; {PICTURES}")

    @model_validator(mode="after")
    def _check(self) -> ChipParams:
        if self.every_class and self.image_weight == "label":
            raise ValueError(
                "every_class learns classes without images, which image_weight label cannot; use "
                "image_weight all or predicted"
            )
        return self
