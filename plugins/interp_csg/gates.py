"""The gate matrix G, and a network whose last features are multiplied by it in training."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from interp.training.recording import recording


class Gates(nn.Module):
    """G (C, K) in [0, 1]: how far filter k is open for class c; the paper's orientation.

    R(G) = relu(|G|_1 - g); after each step G_ck := clip(G_ck / max_c G_ck, 0, 1). A filter whose
    largest gate is 0 or less would turn its signs over; it keeps its least negative gate (ours).
    """

    def __init__(self, classes: int, filters: int) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.full((classes, filters), 0.5))

    def forward(self, labels: Tensor, limit: float) -> tuple[Tensor, Tensor]:
        """Each image's gates (B, K), and the hinge R with g = limit."""
        return self.values[labels], torch.relu(self.values.abs().sum() - limit)

    def project(self) -> None:
        """Scale every filter's largest gate to 1, and clip all to [0, 1]."""
        with torch.no_grad():
            largest, best = self.values.max(0)
            one = nn.functional.one_hot(best, len(self.values)).T.to(self.values.dtype)
            scaled = self.values / torch.where(largest > 0, largest, 1)
            self.values.copy_(torch.where(largest > 0, scaled, one).clamp(0, 1))

    def density(self) -> float:
        """|G|_1 / (C K)."""
        return float(self.values.detach().abs().mean())


class Gated(nn.Module):
    """A network whose last features are multiplied by an image's gates, where they are given.

    Before or after the mean over cells is the same: a gate is one number for a whole map.
    """

    def __init__(self, network: nn.Module, linear: str) -> None:
        super().__init__()
        self.network, self.linear = network, linear

    def forward(self, images: Tensor, gates: Tensor | None = None) -> Tensor:
        """Raw scores (B, C); gates (B, K) are applied in training mode only."""
        if gates is None or not self.training:
            scores: Tensor = self.network(images)
            return scores
        linear = self.network.get_submodule(self.linear)
        with linear.register_forward_pre_hook(lambda _, inputs: (inputs[0] * gates,)):
            return self.network(images)

    def answer(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, K) before the linear layer, and scores (B, C), without gates."""
        with recording({self.linear: self.network.get_submodule(self.linear)}) as calls:
            scores = self.network(images)
        return calls[self.linear][0].inputs[0], scores
