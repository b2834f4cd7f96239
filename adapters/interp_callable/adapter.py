"""A function behind the interface that methods use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from interp.errors import ModelError
from interp.model import ModelAdapter
from interp.readout import OutputDescription
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
    output: OutputDescription
    capabilities = frozenset({Capability.PREDICT})

    @property
    def normalised(self) -> bool:  # type: ignore[override]
        return self.output.normalised

    @property
    def remote(self) -> bool:  # type: ignore[override]
        return self.function.remote

    def predict(self, images: Tensor) -> Tensor:
        return self.output.scores(self.raw(images))

    def read_as(self, output: OutputDescription) -> CallableAdapter:
        return replace(self, spec=self.read_spec(output), output=output)

    def raw(self, images: Tensor) -> Tensor:
        answer = ask(self.function, self.portion, self.form.arrays(images))
        if answer.shape[1] != self.outputs:
            raise ModelError(
                f"{self.spec.name} answers {answer.shape[1]} scores per image; "
                f"expected {self.outputs}, as at first"
            )
        return torch.from_numpy(answer)

    def layers(self) -> list[Layer]:
        """None: what is inside a function is not known."""
        return []

    def activations(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        raise self.lacks(Capability.ACTIVATIONS, "reading a layer")

    def to_device(self, values: np.ndarray) -> Tensor:
        return torch.tensor(np.ascontiguousarray(values))
