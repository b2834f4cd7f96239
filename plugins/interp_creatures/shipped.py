"""The networks and sample images that come with the package."""

from __future__ import annotations

from pathlib import Path

from interp.spec import ModelOptions, ModelSource
from interp_creatures.networks import MEAN, SIZE, STD

HERE = Path(__file__).parent


def _trained(name: str) -> ModelSource:
    options = ModelOptions(
        weights=str(HERE / "weights" / f"{name}.safetensors"),
        input={"size": (SIZE, SIZE), "mean": MEAN, "std": STD},
        classes=str(HERE / "classes.txt"),
        activation="softmax",
    )
    return ModelSource(f"interp_creatures.networks:{name.replace('-', '_')}", options)


VGG = _trained("creatures-vgg")
RESNET = _trained("creatures-resnet")
VIT = _trained("creatures-vit")
ONE = HERE / "samples" / "sample.png"
TWO = HERE / "samples" / "two.png"
