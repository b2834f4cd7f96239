"""Gates carried past pooling into the linear layer that follows: fc(d * a) = d @ U.

A gate of 0 or 1 commutes with whatever treats channels one by one and leaves zeros alone (ReLU,
pooling, flattening), so the linear layer can be summed over each channel's own inputs once per
image; what is left per row of gates is one product with U (C, out) and the layers after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from interp.lazy_type import Tensor
from interp.network.scores import close


@dataclass(frozen=True, eq=False)
class Fold:
    """What follows a layer, split around its first linear layer.

    before(activation, *live) -> (1, F), linear's input; after(linear's output, *live) -> scores.
    """

    before: Callable[..., Tensor]
    weight: Tensor  # (out, F)
    bias: Tensor | None
    after: Callable[..., Tensor]

    def table(self, activation: Tensor, live: Sequence[object]) -> Tensor:
        """U (C, out): each channel's share of the linear layer's output, without the bias."""
        import torch

        channels = activation.shape[1]
        each = self.before(activation.clone(), *live).reshape(channels, -1)  # (C, F / C)
        weight = self.weight.reshape(len(self.weight), channels, -1)  # (out, C, F / C)
        return torch.einsum("cf,ocf->co", each, weight)

    def mixture(self, parts: Tensor, live: Sequence[object], tolerance: float) -> Tensor | None:
        """U (R, out) of parts (R, C, h, w) of an activation; None where what is before the linear
        layer is not linear in them, tried on a few of their sums. `live` is of one image.
        """
        import torch

        each = torch.cat([self.before(part[None].clone(), *live) for part in parts])  # (R, F)
        numbers = torch.arange(len(parts)).to(parts)
        for weights in (numbers % 2, (numbers + 1) / len(parts), 1 / (numbers + 1)):
            whole = self.before(torch.tensordot(weights, parts, 1)[None], *live)
            if whole.dim() != 2 or not close(weights[None] @ each, whole, tolerance):
                return None
        return each @ self.weight.T

    def rest(self, table: Tensor, gates: Tensor, live: Sequence[object]) -> Tensor:
        """Scores (B, K) of the gates (B, C)."""
        import torch

        hidden = torch.nn.functional.linear(gates.to(table.dtype), table.T, self.bias)
        return self.after(hidden, *live)

    def holds(self, activation: Tensor, live: Sequence[object], tolerance: float) -> bool:
        """Whether gates commute with everything before the linear layer, tried on one image."""
        import torch

        channels = activation.shape[1]
        whole = self.before(activation.clone(), *live)
        if whole.dim() != 2 or whole.shape[1] % channels:
            return False
        number = torch.arange(channels)
        for closed in (number >= 0, number % 2 == 0, number % 2 == 1, number % 7 == 3):
            gates = (~closed).to(activation)
            shape = (-1, *[1] * (activation.dim() - 2))
            gated = self.before(activation * gates.reshape(shape), *live)
            wanted = whole * gates.repeat_interleave(whole.shape[1] // channels)
            if not close(gated, wanted, tolerance):
                return False
        return True
