"""The three losses that make a network's filters serve concepts, each for one layer."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn.functional import cross_entropy

Order = Literal["maps", "codes"]
TEMPERATURE = 4.0
"""Temperature of distillation (Hinton et al.); higher gives improbable classes more weight."""


def information(answers: Tensor, labels: Tensor) -> Tensor:
    """CE(Q(z), y) of scores (B, C); H(y) - CE bounds the mutual information I(y; z) from below."""
    return cross_entropy(answers.float(), labels)


def alignment(pooled: Tensor, codes: Tensor, order: Order) -> Tensor:
    """Mean over images of KL(softmax(o) || softmax(z)) / n, for o, z (B, n).

    o are the maps' means before gating. With "codes" z comes first. Both sides receive gradients.
    """
    first, second = (pooled, codes) if order == "maps" else (codes, pooled)
    own, other = first.float().log_softmax(1), second.float().log_softmax(1)
    return (own.exp() * (own - other)).mean()


def sparsity(codes: Tensor, kept: float) -> Tensor:
    """| mean over images of |z|_1  -  kept n |, for z (B, n)."""
    return (codes.float().sum(1).mean() - kept * codes.shape[1]).abs()


def distillation(scores: Tensor, taught: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """T^2 CE(softmax(taught / T), softmax(scores / T)), for raw scores (B, C); ours here."""
    soft = (taught.float() / temperature).softmax(1)
    return temperature**2 * cross_entropy(scores.float() / temperature, soft)
