"""The score's slopes on attention probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from interp.cut import Output
from interp.errors import UnsupportedError
from interp.model import ModelAdapter
from interp.network.attention import AttentionLayer, AttentionPass
from interp.target import Target

if TYPE_CHECKING:
    from torch import Tensor


def score(model: ModelAdapter, scores: Tensor, target: Target, output: Output) -> Tensor:
    """The target's score of each row of raw scores (N, K), (N,), recorded for autograd.

    Raises UnsupportedError where the model records nothing.
    """
    found = target.select(model.probabilities(scores, output))
    if not found.requires_grad:
        raise UnsupportedError(
            f"{model.spec.name} records no slopes (under no_grad, or quantised); "
            "use attention-rollout, which needs none"
        )
    return found


def weighted_slopes(
    model: ModelAdapter, found: AttentionPass, target: Target, output: Output
) -> list[Tensor]:
    """Each layer's attention of one image times the target score's slope on it, (heads, T, T).

    Raises as score and slopes do.
    """
    value = score(model, found.scores, target, output).sum()
    pairs = zip(found.layers, slopes(value, found.layers, model.spec.name), strict=True)
    return [each.weights[0] * slope for each, slope in pairs]


def slopes(value: Tensor, layers: Sequence[AttentionLayer], name: str) -> list[Tensor]:
    """d value / d probabilities of each layer, (heads, T, T) for one image.

    Raises UnsupportedError where a layer's attention does not lead to the score.
    """
    import torch

    recorded = [each.recorded for each in layers]
    found = torch.autograd.grad(value, recorded, retain_graph=True, allow_unused=True)
    silent = [each.name for each, slope in zip(layers, found, strict=True) if slope is None]
    if silent:
        raise UnsupportedError(
            f"the score of {name} does not depend on the attention of {silent[0]} in a way that "
            "autograd records; use attention-rollout or gradcam"
        )
    return [each.by_head(slope)[0] for each, slope in zip(layers, found, strict=True)]
