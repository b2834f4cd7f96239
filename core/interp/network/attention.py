"""Attention probabilities of a transformer's layers, as models of any framework answer them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from interp.lazy_type import Tensor


@dataclass(frozen=True, eq=False)
class AttentionLayer:
    """One layer's attention in a pass of `images` images.

    `recorded` holds the probabilities as the model computed them, (N, heads, T, S) or
    (N * heads, T, S): how much each of T tokens takes up of each of S, so that rows add up to 1.
    In a pass recorded for autograd, it is the tensor to differentiate by.
    """

    name: str
    recorded: Tensor
    images: int

    @property
    def weights(self) -> Tensor:
        """The probabilities by head, (N, heads, T, S) float32, not recorded for autograd."""
        return self.by_head(self.recorded.detach())

    @property
    def whole(self) -> bool:
        """Whether every token of an image may attend to every one: no windows, no pooled keys."""
        shape = self.recorded.shape
        alone = self.recorded.dim() == 3 or shape[0] == self.images
        return alone and shape[0] % self.images == 0 and shape[-1] == shape[-2]

    def by_head(self, values: Tensor) -> Tensor:
        """Values of `recorded`'s shape, such as slopes, as (N, heads, T, S) float32."""
        return values.float().reshape(self.images, -1, *values.shape[-2:])


@dataclass(frozen=True, eq=False)
class AttentionPass:
    """What one pass of a model answers: raw scores (N, K), and its layers' attention in order."""

    scores: Tensor
    layers: Sequence[AttentionLayer]
