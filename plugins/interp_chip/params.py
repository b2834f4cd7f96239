"""CHIP's parameters: what the paper's one known figure leaves open, each by name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from interp.params import Params

Rule = Literal["product", "absolute", "mean"]


class ChipParams(Params):
    """The formula is the paper's; every value here is ours, and why is said in docs/chip.md."""

    layer: tuple[str, ...] = Field(
        (), description="layers to learn or to show; default: the last map, or all that are known"
    )
    masks: int = Field(500, ge=200, description="perturbed networks per image")
    images: int | None = Field(
        20, ge=1, description="images per class to learn from, at most; null: all"
    )
    correct: bool = Field(True, description="learn only from images whose top-1 is their label")
    keep: Annotated[float, Field(gt=0, lt=1)] | Literal["uniform"] = Field(
        "uniform",
        description="probability that a channel stays; uniform: drawn from U(0.5, 1) per network",
    )
    output: Literal["prob", "logit", "logprob"] = Field(
        "prob", description="the score g that is explained"
    )
    baseline: Literal["literal", "empty"] = Field(
        "literal", description="empty: explain the score less its mean with all channels off"
    )
    locality: bool = Field(
        True, description="h = exp(-|1 - d|^2 / sigma^2); off: all networks count alike"
    )
    sigma: float | None = Field(None, gt=0, description="of h; default: sigma^2 is the median")
    image_weight: Literal["label", "all", "predicted"] = Field(
        "all",
        description="pi: a class learns from all images, from its own (label), or from all by "
        "their clean probability (predicted)",
    )
    sparsity: float | None = Field(
        None,
        ge=0,
        le=1,
        description="lambda as a share of what leaves no channel; default: by held-out R^2",
    )
    sparsity_per: Literal["layer", "class"] = Field(
        "class", description="one lambda for the layer, as in the formula, or scaled to each class"
    )
    settled: float = Field(
        0.05, gt=0, description="until=stable: relative change of W at which learning stops"
    )
    refined: bool = Field(False, description="combine the layers' maps into one")
    refine: Rule = Field(
        "product",
        description="of the positive maps; absolute: deep times |shallow|; mean: their mean",
    )
    channels: int = Field(5, ge=1, description="most important channels to show on the image")
