"""An adapter of tables with weights of an image's mean colours."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from interp.errors import ModelError
from interp.model import ModelAdapter
from interp.spec import Capability, InputSpec, Layer, ModelOptions, ModelSource, ModelSpec

if TYPE_CHECKING:
    from torch import Tensor

EXAMPLE = ModelSource(f"my-name:{Path(__file__).with_name('example.csv')}")
"""A model that the package brings, to try the adapter on."""


class MyName(ModelAdapter):
    """A class's score is the sum over red, green and blue of weight times mean brightness."""

    capabilities = frozenset({Capability.PREDICT})

    def __init__(self, spec: ModelSpec, weights: np.ndarray) -> None:
        self.spec, self.weights = spec, weights  # (K, 3)

    def predict(self, images: Tensor) -> Tensor:
        """Raw scores (N, K) of images (N, 3, h, w) in [0, 1]."""
        return images.mean((2, 3)) @ self.to_device(self.weights).T

    def layers(self) -> list[Layer]:
        """None: there is nothing inside that could be read."""
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
) -> MyName:
    """Open my-name:FILE. Raises ModelError for a file that is none."""
    path = Path(source.removeprefix("my-name:"))
    try:
        rows = list(csv.reader(path.read_text("utf-8").splitlines()))
        weights = np.array([row[1:] for row in rows], np.float32).reshape(len(rows), 3)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: expected lines class,red,green,blue; found {error}") from error
    spec = ModelSpec(
        name=path.stem,
        source=source,
        input=InputSpec.model_validate({"size": (64, 64), **options.input}),
        activation=options.activation or "softmax",
        classes=tuple(row[0] for row in rows),
        device="cpu",
        fingerprint=hashlib.sha256(weights.tobytes()).hexdigest(),
    )
    return MyName(spec, weights)
