"""The interface of models, whatever their framework: scores, activations, cuts, gradients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from interp.errors import InputError, UnsupportedError, nearest
from interp.network.placement import Placement, place
from interp.network.scores import express
from interp.spec import VALUE, Capability, Layer, ModelSpec
from interp.target import Target

if TYPE_CHECKING:
    from torch import Tensor, nn

Output = Literal["logit", "prob", "logprob"]

MOVED = ("pool", "pad", "upsample")
"""Kinds of layers that only move or merge values, without features of their own."""


@dataclass(frozen=True, eq=False)
class Frontier:
    """What crosses a cut: the layer's activation, and every other value that the rest needs.

    `live` holds the others, in the adapter's own form. All are of `batch` images. Frontiers with
    equal keys hold equal values.
    """

    activation: Tensor
    live: tuple[object, ...]
    batch: int
    key: str

    def check(self, activation: Tensor, layer: str) -> None:
        """Raise InputError unless `activation` (B, ...) can take the place of the layer's own."""
        if self.batch not in (1, len(activation)):
            raise InputError(
                f"the frontier holds {self.batch} images, the activation {len(activation)}; "
                "expected one image or as many"
            )
        found, expected = tuple(activation.shape[1:]), tuple(self.activation.shape[1:])
        if found != expected:
            raise InputError(f"activation of {found}; {layer} has {expected}")


@dataclass(frozen=True, eq=False)
class Gates:
    """The rest of a model as a function of a layer's gates: 1 opens a channel, 0 closes it.

    `nbytes` is the size of the activation that one row of gates is applied to.
    """

    answer: Callable[[Tensor], Tensor]
    nbytes: int

    def __call__(self, gates: Tensor) -> Tensor:
        """Raw scores (B, K) for gates (B, C)."""
        return self.answer(gates)


class Cut(ABC):
    """A model split at a layer, so that the front runs once and the back many times."""

    layer: Layer

    @abstractmethod
    def prefix(self, images: Tensor) -> Frontier:
        """Run the model up to the layer on images (N, 3, h, w) RGB in [0, 1], at its input size."""

    @abstractmethod
    def suffix(self, frontier: Frontier, activation: Tensor) -> Tensor:
        """Raw scores (B, K) of the rest of the model on `activation` (B, C, h, w).

        The frontier holds one image, or B. It is not changed, and can be used again.
        """

    def gates(self, frontier: Frontier) -> Gates:
        """The suffix as a function of the channels' gates, for a frontier of one image."""
        spread = {"NCHW": (-1, self.layer.channels, 1, 1), "tokens": (-1, 1, self.layer.channels)}
        shape = spread.get(self.layer.layout, (-1, self.layer.channels))
        kept = frontier.activation

        def answer(gates: Tensor) -> Tensor:
            return self.suffix(frontier, kept * gates.to(kept.dtype).reshape(shape))

        return Gates(answer, kept.nbytes)

    @abstractmethod
    def derivative(
        self, frontier: Frontier, directions: Tensor, targets: Sequence[Target], output: Output
    ) -> Tensor:
        """Directional derivatives of the targets' scores at the layer, (M, T).

        Entry (m, t) is d score_t(activation + e * direction_m) / d e at e = 0. The frontier holds
        one image; directions (M, C, h, w).
        """


class ModelAdapter(ABC):
    """A model of any framework, as methods see it.

    Tensors are on the model's device. Images are (N, 3, h, w) RGB in [0, 1]; the adapter does the
    normalisation. A call names the capability it needs, where not every model offers it, and raises
    UnsupportedError without.
    """

    spec: ModelSpec
    capabilities: frozenset[Capability]
    normalised: bool = False
    """Whether the raw scores are probabilities already."""

    @abstractmethod
    def predict(self, images: Tensor) -> Tensor:
        """Raw scores (N, K), logits where the model has them. Other sizes of image are resized."""

    def probabilities(self, scores: Tensor, output: Output = "prob") -> Tensor:
        """Raw scores (..., K) as `output`, by the model's own activation.

        Raises UnsupportedError for the logarithm of values, which may be negative.
        """
        if output == "logprob" and self.spec.unit == VALUE:
            raise UnsupportedError(
                f"found output logprob, but {self.spec.name} answers values; choose prob or logit, "
                "which both explain the value itself"
            )
        return express(scores, output, self.spec.activation, self.normalised)

    def unit(self, output: Output = "prob") -> str:
        """The unit of scores as `output`: "probability", "logit", "log probability", or "value"."""
        if output == "prob" or self.spec.unit == VALUE:
            return self.spec.unit
        return {"logit": "logit", "logprob": "log probability"}[output]

    @abstractmethod
    def layers(self) -> list[Layer]:
        """The layers that can be read, in the order of execution."""

    @abstractmethod
    def activations(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Outputs of the named layers from one pass: (N, C, h, w), (N, T, C) or (N, C) each."""

    def cut(self, layer: str) -> Cut:
        """The model split at a layer. Needs CUT."""
        raise self.lacks(Capability.CUT)

    def forward(self, images: Tensor) -> Tensor:
        """The scores (N, K) of predict, recorded for autograd. Needs GRADIENTS."""
        raise self.lacks(Capability.GRADIENTS)

    def gradient(self, images: Tensor, targets: Sequence[Target]) -> Tensor:
        """Gradient of each image's target score by its pixels, (N, 3, h, w). Needs GRADIENTS."""
        raise self.lacks(Capability.GRADIENTS)

    def module(self) -> nn.Module:
        """The PyTorch module, which predict and forward run. Needs MODULE.

        Layers are called as in its named_modules(), and hooks on its parts are called.
        """
        raise self.lacks(Capability.MODULE)

    def adopt(
        self,
        module: nn.Module,
        builder: str,
        params: dict[str, object],
        classes: Sequence[str] | None = None,
    ) -> ModelAdapter:
        """A new model of `module`, which the registered `builder` made of this one. Needs MODULE.

        `params` are the builder's. Its classes are this model's, or `classes`.
        """
        raise self.lacks(Capability.MODULE)

    def write_model(self, folder: Path) -> None:
        """Write a model that adopt made into an existing folder: its recipe and its weights."""
        raise UnsupportedError(f"{self.spec.name} was not made by a builder; nothing to save")

    def export(self, path: Path) -> None:
        """Write the model as an ONNX file with its model card in the metadata; unchecked."""
        raise UnsupportedError(f"{self.spec.name} cannot be exported; PyTorch models can")

    @abstractmethod
    def to_device(self, values: np.ndarray) -> Tensor:
        """A NumPy array as a tensor of the same dtype on the model's device."""

    def prepare(self, image: np.ndarray) -> tuple[Tensor, Placement]:
        """An original image (H, W, 3) uint8 as input (3, h, w) RGB in [0, 1], and the mapping."""
        placement = place(image.shape[:2], self.spec.input)
        mean = sum(self.spec.input.mean) / len(self.spec.input.mean)
        pixels = placement.to_input(image, pad=mean)
        return self.to_device(np.ascontiguousarray(pixels.transpose(2, 0, 1))), placement

    def layer(self, name: str) -> Layer:
        """The layer called `name`. Raises InputError that offers the nearest names."""
        known = {each.name: each for each in self.layers()}
        if name not in known:
            raise InputError(f"{self.spec.name} has no layer {name!r}; {nearest(name, known)}")
        return known[name]

    def maps(self) -> list[Layer]:
        """The layers over a grid of several cells, in order; not those that only pool or pad."""
        found, before = [], None
        for each in self.layers():
            moved = any(word in each.kind.lower() for word in MOVED)
            if before is not None and before.name.startswith(f"{each.name}."):
                moved = True  # a block that ends with a pooling has the pooling's output
            before = each if moved else None
            if each.grid is not None and min(each.grid) > 1 and not moved:
                found.append(each)
        return found

    def map_layer(self, name: str | None = None) -> Layer:
        """The layer called `name`, by default the last one with channels over a grid (NCHW).

        The default can be cut, if any can. Raises UnsupportedError where the layer has no grid.
        """
        if name is None:
            maps = [each for each in self.maps() if each.layout == "NCHW"]
            if not maps:
                raise UnsupportedError(f"{self.spec.name} has no layer with channels over a grid")
            return ([each for each in maps if each.cut != "none"] or maps)[-1]
        chosen = self.layer(name)
        if chosen.layout != "NCHW":
            raise UnsupportedError(
                f"layer {name} of {self.spec.name} gives {chosen.layout}; "
                "choose one with channels over a grid (NCHW)"
            )
        return chosen

    def lacks(self, need: Capability, who: str = "this call") -> UnsupportedError:
        """The error to raise where a caller needs what this model does not offer."""
        offers = ", ".join(sorted(self.capabilities)) or "nothing"
        return UnsupportedError(f"{who} needs {need.upper()}; {self.spec.name} offers {offers}")
