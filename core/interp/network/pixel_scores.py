"""Scores of classes over a segmentation's pixels: means, and log odds of mean probabilities."""

from __future__ import annotations

from interp.lazy_type import Tensor


def weighted_mean(maps: Tensor, weights: Tensor | None) -> Tensor:
    """Means (N, K) of maps (N, K, h, w) over the cells, with weights (K, h, w) or (1, h, w)."""
    if weights is None:
        return maps.mean((2, 3))
    return (maps * weights).sum((2, 3)) / weights.sum((1, 2))


def mean_log_odds(maps: Tensor, weights: Tensor | None, softmax: bool) -> Tensor:
    """log(mean p) - log(mean(1 - p)), (N, K), of the probabilities p of logits (N, K, h, w).

    p is the softmax over the classes, or else each one's sigmoid. Both logarithms are exact where p
    rounds to 0 or 1, so that slopes do not vanish there.
    """
    from torch.nn.functional import logsigmoid

    if softmax:
        for_it, against = _log_softmax(maps)
    else:
        for_it, against = logsigmoid(maps), logsigmoid(-maps)
    share = 0.0 if weights is None else weights.log()
    return (for_it + share).flatten(2).logsumexp(2) - (against + share).flatten(2).logsumexp(2)


def _log_softmax(maps: Tensor) -> tuple[Tensor, Tensor]:
    """log p and log(1 - p) of the softmax p over the classes of logits (N, K, h, w).

    1 - p of the likeliest class is the sum over the others: as a difference it would round to 0.
    """
    import torch

    chances = maps.log_softmax(1)
    best = torch.zeros_like(maps, dtype=torch.bool).scatter_(1, maps.argmax(1, keepdim=True), True)
    others = chances.masked_fill(best, -torch.inf).logsumexp(1, keepdim=True)
    rest = torch.log1p(-chances.masked_fill(best, -1).exp())
    return chances, torch.where(best, others, rest)
