"""What pictures excite: channels of a layer and class scores, recorded for autograd."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from interp.errors import InputError, UnsupportedError
from interp.model import ModelAdapter
from interp.network.layout import to_maps
from interp.spec import Layer
from interp.target import Target

if TYPE_CHECKING:
    from torch import Tensor

Of = Literal["channels", "classes"]


@dataclass(frozen=True, eq=False)
class Objective:
    """Score to maximise: the channels, or the classes' scores, along a `direction` (C,)."""

    name: str
    of: Of
    direction: np.ndarray


@dataclass(frozen=True, eq=False)
class Probe:
    """Reads a layer's channels and the class scores of a model whose module is its own."""

    model: ModelAdapter
    layer: Layer
    cell: tuple[int, ...] = ()
    """The cell that is read; none: the mean over the grid."""

    @classmethod
    def at(cls, model: ModelAdapter, layer: str | None, cell: tuple[int, ...]) -> Probe:
        """At the layer of this name, by default the last map; InputError for no such cell."""
        found = model.map_layer() if layer is None else model.layer(layer)
        if found.grid is None and found.layout != "vector":
            raise UnsupportedError(
                f"layer {found.name} has neither a grid nor a vector of channels; choose another: "
                "interp layers lists them"
            )
        grid = found.grid or ()
        inside = len(cell) == len(grid) and all(a < b for a, b in zip(cell, grid, strict=True))
        if cell and not inside:
            raise InputError(
                f"found cell {', '.join(map(str, cell))}; {found.name} has a grid of "
                f"{' x '.join(map(str, grid)) or 'no cells'}; give a row and a column in it, from 0"
            )
        return cls(model.with_own_module(), found, cell)

    def score(self, images: Tensor, objective: Objective) -> Tensor:
        """The objective's score of each image (N,), recorded for autograd."""
        direction = images.new_tensor(objective.direction)
        return self.read(images)[objective.of] @ direction

    def read(self, images: Tensor) -> dict[Of, Tensor]:
        """Channels (N, C) and logits (N, K) of images (N, C, h, w)."""
        with self._listening() as heard:
            scores = self.model.probabilities(self.model.forward(images), "logit")
        return {"channels": self.pooled(heard[0]), "classes": scores.float()}

    def measure(self, images: Tensor) -> dict[Of, np.ndarray]:
        """The same as arrays, not recorded."""
        found = self.read(images.detach())
        return {name: each.detach().cpu().numpy() for name, each in found.items()}

    def importance(self, images: Tensor, targets: Sequence[Target]) -> tuple[Tensor, Tensor]:
        """Maps (C, h, w) of an image (1, C, h, w), and slope times map, summed, by target (T, C).

        A map of a layer without a grid is one cell.
        """
        import torch

        with self._listening() as heard:
            scores = self.model.probabilities(
                self.model.forward(images.detach().clone().requires_grad_()), "logit"
            )
        slopes = [
            torch.autograd.grad(
                each.select(scores[0]), heard[0], retain_graph=True, materialize_grads=True
            )[0]
            for each in targets
        ]
        maps = self._maps(heard[0])[0].detach()
        found = [(maps * self._maps(each)[0]).sum((1, 2)) for each in slopes]
        return maps, torch.stack(found)

    def pooled(self, output: Tensor) -> Tensor:
        """The layer's output as one number for each channel, (N, C)."""
        maps = self._maps(output)
        if not self.cell:
            return maps.mean((2, 3))
        return maps[:, :, self.cell[0], self.cell[1]]

    def _maps(self, output: Tensor) -> Tensor:
        found = to_maps(self.layer, output).float()
        return found if self.layer.grid is not None else found[:, :, None, None]

    @contextmanager
    def _listening(self) -> Iterator[list[Tensor]]:
        """The layer's outputs, as they are before an operation in place alters them."""
        import torch

        heard: list[Tensor] = []

        def hear(_module: object, _inputs: object, output: object) -> Tensor:
            if not isinstance(output, torch.Tensor):
                raise UnsupportedError(
                    f"layer {self.layer.name} answers {type(output).__name__}, not a tensor; "
                    "choose another: interp layers lists them"
                )
            heard.append(output.clone())
            return heard[-1].clone()

        part = self.model.module().get_submodule(self.layer.name)
        handle = part.register_forward_hook(hear)
        try:
            yield heard
        finally:
            handle.remove()
