"""The known network as a transformer: its class token gathers the colours' amounts by attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp.model import ModelAdapter
from interp.registry import Registry
from interp.testing.toy_models import CHANNELS, class_weights, features, opened

if TYPE_CHECKING:
    from torch import Tensor, nn


def known_transformer(registry: Registry) -> ModelAdapter:
    """The known network's scores, read from a class token that attends to all tokens alike.

    So each cell's share in the attention is the same, and its share in the score is its colours'.
    """
    return opened("known transformer", lambda: [*features(), *_reading()], registry)


def _reading() -> list[tuple[str, nn.Module]]:
    import torch
    from torch import nn

    width = len(CHANNELS)

    class Tokens(nn.Module):
        """Maps (N, C, h, w) as tokens (N, 1 + h w, C), the first of zeros."""

        def forward(self, maps: Tensor) -> Tensor:
            return nn.functional.pad(maps.flatten(2).mT, (0, 0, 1, 0))

    class Block(nn.Module):
        """Each token takes up the mean of all."""

        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(width, 2, bias=False, batch_first=True)
            same = torch.zeros(2 * width, width)  # of queries and keys: all are alike
            self.attention.in_proj_weight.data = torch.cat([same, torch.eye(width)])
            self.attention.out_proj.weight.data = torch.eye(width)

        def forward(self, tokens: Tensor) -> Tensor:
            return tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0]

    class Head(nn.Linear):
        """Class scores of the class token, which holds the mean over one token more than cells."""

        def __init__(self) -> None:
            weights, bias = class_weights()
            super().__init__(width, len(weights))
            self.weight.data, self.bias.data = weights, bias

        def forward(self, tokens: Tensor) -> Tensor:
            count = tokens.shape[1]
            return super().forward(tokens[:, 0] * count / (count - 1))

    return [("tokens", Tokens()), ("block", Block()), ("head", Head())]
