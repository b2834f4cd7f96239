"""A function behind the interface that methods use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from interp.errors import ModelError
from interp.model import ModelAdapter
from interp.readout import as_they_are
from interp.spec import Capability, Layer, ModelSpec
from interp_callable.feeding import Portion, ask
from interp_callable.function import Function
from interp_callable.pixels import PixelForm


@dataclass(eq=False, repr=False)
class CallableAdapter(ModelAdapter):
    """A function from images to scores: a black box, without layers or gradients."""

    function: Function
    form: PixelForm
    portion: Portion
    spec: ModelSpec
    outputs: int
    """How many numbers the function answers per image."""
    scores: Callable[[Tensor], Tensor] = as_they_are
    """The readout: scores (N, K) of the function's answers."""
    normalised: bool = False
    capabilities = frozenset({Capability.PREDICT})

    def predict(self, images: Tensor) -> Tensor:
        answer = ask(self.function, self.portion, self.form.arrays(images))
        if answer.shape[1] != self.outputs:
            raise ModelError(
                f"{self.spec.name} answers {answer.shape[1]} scores per image; "
                f"expected {self.outputs}, as at first"
            )
        return self.scores(torch.from_numpy(answer))

    def layers(self) -> list[Layer]:
        """None: what is inside a function is not known."""
        return []

    def activations(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        raise self.lacks(Capability.ACTIVATIONS, "reading a layer")

    def to_device(self, values: np.ndarray) -> Tensor:
        return torch.tensor(np.ascontiguousarray(values))
