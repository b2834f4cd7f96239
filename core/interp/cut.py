"""A model split at a layer: the front runs once, the back many times."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from interp.errors import InputError
from interp.lazy_type import Tensor
from interp.network.direction import OnStep, derivatives, ignore, one_hot
from interp.network.layout import from_maps, to_maps
from interp.network.scores import TINY, close
from interp.readout import OutputDescription
from interp.spec import Layer
from interp.target import Target

Output = Literal["logit", "prob", "logprob"]


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
    """The rest of a model as a function of gates: 1 opens a channel or a part, 0 closes it.

    `nbytes` is the size of the activation that one row of gates is applied to.
    """

    answer: Callable[[Tensor], Tensor]
    nbytes: int

    def __call__(self, gates: Tensor) -> Tensor:
        """Raw scores (B, K) for gates (B, C) of channels, or (B, R) of parts."""
        return self.answer(gates)


class Cut(ABC):
    """A model split at a layer, so that the front runs once and the back many times."""

    layer: Layer
    one_pass: bool = False
    """Whether `gradient` takes one pass for each target, instead of some for each value."""

    @property
    def own_layout(self) -> Cut:
        """The same cut with activations in the layer's own layout, such as tokens (N, T, C)."""
        return self

    @abstractmethod
    def prefix(self, images: Tensor) -> Frontier:
        """Run the model up to the layer on images (N, 3, h, w) RGB in [0, 1], at its input size."""

    @abstractmethod
    def suffix(self, frontier: Frontier, activation: Tensor) -> Tensor:
        """Raw scores (B, K) of the rest of the model on `activation` (B, C, h, w).

        The frontier holds one image, or B. It is not changed, and can be used again.
        """

    def matters(self, images: Tensor) -> bool:
        """Whether the scores of images (N, 3, h, w) change with the layer's maps."""
        frontier = self.prefix(images)
        maps = frontier.activation
        changed = maps.roll((1, 1), (2, 3)) + maps.float().std().to(maps.dtype) + 1e-3
        apart = self.suffix(frontier, changed) - self.suffix(frontier, maps)
        return bool(apart.abs().max() > 0)

    def gates(self, frontier: Frontier) -> Gates:
        """The suffix as a function of the channels' gates, for a frontier of one image."""
        count = self.layer.channels
        spread = {"NCHW": (-1, count, 1, 1), "NHWC": (-1, 1, 1, count), "tokens": (-1, 1, count)}
        shape = spread.get(self.layer.layout, (-1, count))
        kept = frontier.activation

        def answer(gates: Tensor) -> Tensor:
            return self.suffix(frontier, kept * gates.to(kept.dtype).reshape(shape))

        return Gates(answer, kept.nbytes)

    def mixing(self, frontier: Frontier, parts: Tensor) -> Gates:
        """The suffix as a function of gates of `parts` (R, C, h, w), whose sum is an activation.

        For a frontier of one image. Scores are those of the parts' sum, each times its gate.
        """
        import torch

        shape, flat = parts.shape[1:], parts.flatten(1)
        room = flat.new_empty(0, flat.shape[1])

        def answer(gates: Tensor) -> Tensor:
            nonlocal room
            if len(room) < len(gates):
                room = flat.new_empty(len(gates), flat.shape[1])
            mixed = torch.mm(gates.to(flat), flat, out=room[: len(gates)])  # used again: faster
            return self.suffix(frontier, mixed.reshape(-1, *shape)).clone()

        return Gates(answer, flat[0].nbytes)

    @abstractmethod
    def derivative(
        self, frontier: Frontier, directions: Tensor, targets: Sequence[Target], output: Output
    ) -> Tensor:
        """Directional derivatives of the targets' scores at the layer, (M, T).

        Entry (m, t) is d score_t(activation + e * direction_m) / d e at e = 0. The frontier holds
        one image; directions (M, C, h, w).
        """

    def gradient(
        self,
        frontier: Frontier,
        targets: Sequence[Target],
        output: Output,
        on_step: OnStep = ignore,
    ) -> Tensor:
        """Gradient of each target's score at the layer, (T, C, h, w) float32.

        The frontier holds one image. Where `one_pass`, it may hold as many as there are targets:
        target t is then scored on image t. Here each entry is the derivative along that value
        alone; on_step(done, total) is called as these are computed, and may raise to stop.
        """
        shape = frontier.activation.shape[1:]
        found = derivatives(
            lambda directions: self.derivative(frontier, directions, targets, output),
            frontier.activation,
            shape.numel(),
            lambda chosen: one_hot(chosen, frontier.activation),
            on_step,
        )
        return found.T.reshape(len(targets), *shape).float()


@dataclass(frozen=True, eq=False)
class MapCut(Cut):
    """A cut whose activations are maps (N, C, h, w), whatever the layer's own layout.

    Tokens that are no cells, such as the class token, stay as they are in the frontier; gates close
    a channel in all tokens.
    """

    inner: Cut

    @property
    def layer(self) -> Layer:  # type: ignore[override]
        return self.inner.layer

    @property
    def one_pass(self) -> bool:  # type: ignore[override]
        return self.inner.one_pass

    @property
    def own_layout(self) -> Cut:
        return self.inner

    def prefix(self, images: Tensor) -> Frontier:
        found = self.inner.prefix(images)
        maps = to_maps(self.layer, found.activation)
        return Frontier(maps, (found,), found.batch, found.key)

    def suffix(self, frontier: Frontier, activation: Tensor) -> Tensor:
        frontier.check(activation, self.layer.name)
        own = self._own(frontier)
        return self.inner.suffix(own, from_maps(self.layer, activation, own.activation))

    def gates(self, frontier: Frontier) -> Gates:
        return self.inner.gates(self._own(frontier))

    def derivative(
        self, frontier: Frontier, directions: Tensor, targets: Sequence[Target], output: Output
    ) -> Tensor:
        own = self._own(frontier)
        still = own.activation.new_zeros(1, *own.activation.shape[1:])
        moved = from_maps(self.layer, directions.to(still), still)
        return self.inner.derivative(own, moved, targets, output)

    def gradient(
        self,
        frontier: Frontier,
        targets: Sequence[Target],
        output: Output,
        on_step: OnStep = ignore,
    ) -> Tensor:
        own = self._own(frontier)
        return to_maps(self.layer, self.inner.gradient(own, targets, output, on_step))

    def _own(self, frontier: Frontier) -> Frontier:
        """The frontier in the layer's own layout."""
        (own,) = frontier.live
        return own  # type: ignore[return-value]


def answers_alike(
    cut: Cut,
    output: OutputDescription | None,
    images: Tensor,
    expected: Tensor,
    tolerance: float,
) -> bool:
    """Whether a cut equals its whole model, `expected` (N, K) being its scores of the images.

    The first image's frontier must give its scores, and a batch of all images' activations in that
    frontier the same scores as each activation alone.
    """
    import torch

    frontier, activations = cut.prefix(images[:1]), cut.prefix(images).activation
    alone = torch.cat([cut.suffix(frontier, each[None]) for each in activations])
    together = cut.suffix(frontier, activations)
    whole = cut.suffix(frontier, frontier.activation)
    least = output.scale if output is not None else TINY
    pairs = ((whole, expected[:1]), (together, alone))
    return all(close(*each, tolerance, least) for each in pairs)


def as_maps(cut: Cut) -> Cut:
    """The cut with maps (N, C, h, w) as activations, where its layer has a grid."""
    moved = cut.layer.grid is not None and cut.layer.layout != "NCHW"
    return MapCut(cut) if moved else cut
