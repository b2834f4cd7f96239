"""The networks and sample images that come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from interp.spec import ModelOptions, ModelSource
from interp_creatures.networks import MEAN, SIZE, STD
from interp_creatures.segmenter import PARTS

HERE = Path(__file__).parent


def _trained(name: str, module: str = "networks", **changes: Any) -> ModelSource:
    """A shipped network, made in a module of this package, and what is not as for the others."""
    options = {
        "weights": str(HERE / "weights" / f"{name}.safetensors"),
        "input": {"size": (SIZE, SIZE), "mean": MEAN, "std": STD},
        "classes": str(HERE / "classes.txt"),
        "activation": "softmax",
    }
    source = f"interp_creatures.{module}:{name.replace('-', '_')}"
    return ModelSource(source, ModelOptions(**options | changes))


VGG = _trained("creatures-vgg")
RESNET = _trained("creatures-resnet")
SEGMENTER = _trained(
    "creatures-segmenter",
    "segmenter",
    classes=PARTS,
    activation=None,
    readout="pixels",
    readout_params={"activation": "softmax"},
)
DETECTOR = _trained(
    "creatures-detector",
    "detector",
    activation="none",
    readout="boxes",
    readout_params={"layout": "yolov5", "units": "pixels"},
)
VIT = _trained("creatures-vit")
VGG_METHODS, RESNET_METHODS, VIT_METHODS = (
    HERE / "evaluations" / f"creatures-{name}.json" for name in ("vgg", "resnet", "vit")
)
ONE = HERE / "samples" / "sample.png"
TWO = HERE / "samples" / "two.png"
