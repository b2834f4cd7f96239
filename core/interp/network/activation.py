"""A model's raw scores as logits, probabilities or their logarithms."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

TINY = 1e-12
"""Smaller probabilities are raised to this before their logarithm is taken."""


def express(scores: Tensor, output: str, activation: str, normalised: bool = False) -> Tensor:
    """Raw scores (..., K) as logit, prob or logprob, by the model's activation.

    `normalised`: the raw scores are probabilities already. With activation "none" the scores are
    returned as they are, or their logarithm.
    """
    from torch.nn.functional import logsigmoid

    softmax = activation == "softmax"
    if activation == "none":
        plain = output == "prob" or (output == "logit" and not normalised)
        return scores if plain else scores.clamp(min=TINY).log()
    if output == "logit":
        return scores
    if output == "prob":
        return scores.softmax(-1) if softmax else scores.sigmoid()
    return scores.log_softmax(-1) if softmax else logsigmoid(scores)


def sum_to_one(scores: Tensor) -> bool:
    """Whether scores (N, K) are probabilities already: none negative, each row's sum 1."""
    near = bool(((scores.sum(1) - 1).abs() <= 1e-3).all())
    return scores.shape[1] > 1 and bool((scores >= 0).all()) and near
