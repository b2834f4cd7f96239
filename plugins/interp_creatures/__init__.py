"""The embedded default: generated images of creatures with exact truth, and networks for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from interp.hookspecs import hookimpl

if TYPE_CHECKING:
    from interp.registry.loading import Registrar

HERE = Path(__file__).parent


@hookimpl
def interp_register(registrar: Registrar) -> None:
    """The data sets, the networks trained on it, and two of its images."""
    from interp.opening.source import ModelSource
    from interp.spec import ModelOptions
    from interp_creatures.dataset import Creatures, Easy
    from interp_creatures.networks import MEAN, SIZE, STD

    registrar.add("dataset", "creatures", Creatures)
    registrar.add("dataset", "creatures-easy", Easy)
    for name in ("creatures-vgg", "creatures-resnet"):
        options = ModelOptions(
            weights=str(HERE / "weights" / f"{name}.safetensors"),
            input={"size": (SIZE, SIZE), "mean": MEAN, "std": STD},
            classes=str(HERE / "classes.txt"),
            activation="softmax",
        )
        factory = f"interp_creatures.networks:{name.replace('-', '_')}"
        registrar.add("model", name, ModelSource(factory, options))
    for name in ("sample", "two"):
        registrar.add("sample", name, HERE / "samples" / f"{name}.png")
