"""The tokens of a transformer: which are cells of the image, and which the scores are read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp.errors import UnsupportedError
from interp.model import ModelAdapter
from interp.network.attention import AttentionLayer
from interp.network.layout import to_maps
from interp.spec import Layer

if TYPE_CHECKING:
    from torch import Tensor

READ = 1e-4
"""A token is read if the scores change with it by more than this share of the largest change."""
SHOWN = 3
"""How many shapes a message lists."""


@dataclass(frozen=True, eq=False)
class Tokens:
    """Where a transformer's tokens lie in the image, and which of them the scores are read from.

    `read` (T,) holds each token's share in what is read, 1 in all: the class token's alone, the
    class and the distillation token's, or those of all cells where the model pools them.
    """

    layer: Layer
    read: Tensor

    def grid(self, values: Tensor) -> np.ndarray:
        """Values of the tokens (T,) as a map of the cells (gh, gw)."""
        maps = to_maps(self.layer, values[None, :, None].float())
        found: np.ndarray = maps[0, 0].cpu().numpy()
        return found

    def describe(self) -> str:
        """In words, what the scores are read from."""
        kept = self.layer.prefix
        leading = [str(at) for at, share in enumerate(self.read[:kept].tolist()) if share]
        cells = ["all cells"] if float(self.read[kept:].sum()) else []
        named = [f"leading token {' and '.join(leading)}"] if leading else []
        return " and ".join([*named, *cells])


def check_layers(layers: Sequence[AttentionLayer], name: str) -> int:
    """The number of tokens T, if every layer is attention among the same T tokens.

    Raises UnsupportedError for a model without attention, and where tokens attend in windows or
    to others than themselves.
    """
    if not layers:
        raise UnsupportedError(
            f"{name} shows no attention: it has none, or none that can be read (scripted or "
            "another library's); use gradcam, rise or another method for any model"
        )
    shapes = dict.fromkeys(tuple(each.recorded.shape) for each in layers)
    if not all(each.whole for each in layers) or len({shape[-1] for shape in shapes}) > 1:
        shown = ", ".join(" x ".join(map(str, each)) for each in list(shapes)[:SHOWN])
        raise UnsupportedError(
            f"{name} attends in windows, or among tokens that change from layer to layer (attention "
            f"of {shown}); expected the same tokens in all layers, as in a ViT; use gradcam or rise"
        )
    return next(iter(shapes))[-1]


def find_tokens(model: ModelAdapter, count: int, pixels: Tensor) -> Tokens:
    """The model's tokens, `count` in number, as its layers are measured.

    What the scores are read from is measured, too: at the last layer of tokens, each leading one
    and then all cells are changed, in an image (1, 3, h, w). Raises UnsupportedError where the
    tokens do not lie as the image does.
    """
    layer = _last_layer(model, count)
    cut = model.cut(layer.name).own_layout
    frontier = cut.prefix(pixels)
    states = _changed(frontier.activation, layer.prefix)  # (1 + prefix + 1, T, C), the first as is
    scores = cut.suffix(frontier, states)
    changes = (scores[1:] - scores[:1]).abs().amax(1)
    seen = changes > READ * changes.max()
    if not bool(seen.any()):
        raise UnsupportedError(
            f"the scores of {model.spec.name} do not depend on the tokens of {layer.name}; "
            "use gradcam or rise"
        )
    read = seen.float().new_zeros(count)
    read[: layer.prefix] = seen[:-1].float()
    read[layer.prefix :] = seen[-1].float()
    return Tokens(layer, read / read.sum())


def _last_layer(model: ModelAdapter, count: int) -> Layer:
    """The last layer of `count` tokens that follow the image and can be cut."""
    for layer in reversed(model.layers()):
        if layer.layout == "tokens" and layer.grid is not None and layer.cut != "none":
            rows, columns = layer.grid
            if layer.prefix + rows * columns == count:
                return layer
    raise UnsupportedError(
        f"{model.spec.name} attends among {count} tokens, but no layer's tokens of that number "
        "were found to lie as the image does (a class token and registers first, then the "
        "patches); use gradcam or rise"
    )


def _changed(tokens: Tensor, prefix: int) -> Tensor:
    """The tokens (1, T, C) as they are, with each of the leading ones changed, with all cells."""
    import torch

    wave = torch.linspace(-1, 1, tokens.shape[2], dtype=tokens.dtype, device=tokens.device)
    other = tokens.roll(1, 2) + wave * tokens.float().std().to(tokens.dtype)  # no norm undoes it
    states = tokens.repeat(prefix + 2, 1, 1)
    for at in range(prefix):
        states[1 + at, at] = other[0, at]
    states[-1, prefix:] = other[0, prefix:]
    return states
