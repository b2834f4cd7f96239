"""An adapter of JSON files that give each class a colour."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.errors import ModelError
from interp.model import ModelAdapter
from interp.spec import Capability, InputSpec, Layer, ModelOptions, ModelSpec

if TYPE_CHECKING:
    from torch import Tensor


class ColourList(ModelAdapter):
    """A class's score is minus the squared distance of the image's mean colour from its own."""

    capabilities = frozenset({Capability.PREDICT})

    def __init__(self, spec: ModelSpec, colours: np.ndarray) -> None:
        self.spec, self.colours = spec, colours  # (K, 3) in [0, 1]

    def predict(self, images: Tensor) -> Tensor:
        """Raw scores (N, K) of images (N, 3, h, w) in [0, 1]."""
        means = images.mean((2, 3))
        return -20 * (means[:, None] - self.to_device(self.colours)).square().sum(2)

    def layers(self) -> list[Layer]:
        """None."""
        return []

    def activations(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Not to be had."""
        raise self.lacks(Capability.ACTIVATIONS, "reading a layer")

    def to_device(self, values: np.ndarray) -> Tensor:
        """An array as a tensor."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(values))


def open_model(
    source: str, options: ModelOptions, lookup: Callable[[str, str], Any] | None = None
) -> ColourList:
    """Open a file {class: [red, green, blue]}. Raises ModelError for a file that is none."""
    path = Path(source)
    try:
        named = json.loads(path.read_text("utf-8"))
        colours = np.array(list(named.values()), np.float32).reshape(len(named), 3)
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"{path}: expected {{class: [r, g, b]}}; found {error}") from error
    spec = ModelSpec(
        name=path.name.removesuffix(".colours.json"),
        source=source,
        input=InputSpec.model_validate({"size": (32, 32), **options.input}),
        activation=options.activation or "softmax",
        classes=tuple(named),
        device="cpu",
        fingerprint=hashlib.sha256(colours.tobytes()).hexdigest(),
    )
    return ColourList(spec, colours)
