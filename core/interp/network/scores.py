"""A model's raw scores: checked, compared, and as logits, probabilities or their logarithms."""

from __future__ import annotations

from interp.errors import ModelError
from interp.lazy_type import Tensor
from interp.network.outputs import advice, axes, outline

VARIES = "the model answers differently each time (dropout on?): maps show noise"
"""Note on a model whose answer to one image is not always the same."""
TINY = 1e-12
"""Smaller probabilities are raised to this before their logarithm is taken."""
EPSILON = 2.0**-24
"""Probabilities nearer to 1 are lowered to this distance before their logit is taken."""


def express(scores: Tensor, output: str, activation: str, normalised: bool = False) -> Tensor:
    """Raw scores (..., K) as logit, prob or logprob, by the model's activation.

    `normalised`: the raw scores are probabilities already, to which no activation is applied again;
    their logits are those that the activation would make them of. With activation "none" the scores
    are returned as they are, or their logarithm.
    """
    from torch.nn.functional import logsigmoid

    softmax = activation == "softmax"
    if normalised and activation == "sigmoid" and output == "logit":
        kept = scores.clamp(TINY, 1 - EPSILON)
        return kept.log() - (-kept).log1p()
    if activation == "none" or normalised:
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


def within_one(scores: Tensor) -> bool:
    """Whether all scores lie in [0, 1], as a sigmoid's answers do; NaN does not count."""
    return not bool(((scores < 0) | (scores > 1)).any())


def check_scores(answer: object, name: str) -> Tensor:
    """What a model answered to two images, float32 (2, K); ModelError unless finite scores.

    One number for each image, (2,), is one score.
    """
    import torch

    if isinstance(answer, torch.Tensor) and answer.shape == (2,):
        answer = answer[:, None]
    if not isinstance(answer, torch.Tensor) or answer.dim() != 2 or len(answer) != 2:
        raise ModelError(
            f"{name} answers {outline(answer)} to 2 images; expected scores (2, classes)"
            f"{advice(axes(answer))}"
        )
    if not bool(torch.isfinite(answer).all()):
        raise ModelError(f"{name} answers NaN or infinity to random images; check its weights")
    return answer.float()


def close(first: Tensor, second: Tensor, tolerance: float, least: float = 1e-12) -> bool:
    """Whether two sets of scores are equal up to `tolerance` times the largest of `second`.

    Or times `least`, if that is larger.
    """
    if first.shape != second.shape:
        return False
    scale = second.abs().max().clamp(min=least)
    return bool((first - second).abs().max() <= tolerance * scale)
