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
ALONE = 5
"""Beside pooled cells, a leading token is read on its own if it counts for so many of T tokens."""
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
            f"{name} attends in windows, pools by attention, or its tokens change from layer to "
            f"layer (attention of {shown}); expected the same tokens in all layers, as in a ViT; "
            "use gradcam or rise"
        )
    return next(iter(shapes))[-1]


def find_tokens(model: ModelAdapter, count: int, pixels: Tensor) -> Tokens:
    """The model's tokens, `count` in number, as its layers are measured.

    What the scores are read from is measured, too: at the last layer of tokens that they depend on,
    each leading one and then all cells are changed, in an image (1, 3, h, w). Raises
    UnsupportedError where the tokens do not lie as the image does.
    """
    listed = [each for each in model.layers() if each.layout == "tokens"]
    grids = (each for each in listed if _counts(each) == count)
    layer = next(grids, None)  # the first: where tokens have mixed, their places are hard to tell
    if layer is None:
        raise UnsupportedError(
            f"{model.spec.name} attends among {count} tokens, but no layer's tokens of that number "
            "were found to lie as the image does (a class token and registers first, then the "
            "patches); use gradcam or rise"
        )
    for last in reversed([each for each in listed if each.cut != "none"]):
        changes = _changes(model, last.name, layer.prefix, count, pixels)
        if changes is not None and float(changes.max()):
            return Tokens(layer, _shares(changes / changes.max(), count))
    raise UnsupportedError(
        f"the scores of {model.spec.name} do not depend on its tokens; use gradcam or rise"
    )


def _counts(layer: Layer) -> int:
    """The number of tokens of a layer with a grid; 0 where it has none."""
    return 0 if layer.grid is None else layer.prefix + layer.grid[0] * layer.grid[1]


def _changes(
    model: ModelAdapter, layer: str, prefix: int, count: int, pixels: Tensor
) -> Tensor | None:
    """Changes of the scores with each of the leading tokens and with all cells, (prefix + 1,).

    None where the layer has another number of tokens.
    """
    cut = model.cut(layer).own_layout
    frontier = cut.prefix(pixels)
    if frontier.activation.shape[1] != count:
        return None
    scores = cut.suffix(frontier, _changed(frontier.activation, prefix))
    return (scores[1:] - scores[:1]).abs().amax(1).float()


def _shares(changes: Tensor, count: int) -> Tensor:
    """Each of `count` tokens' share in what is read, (T,).

    `changes` are those of the scores with each leading token and, last, with all cells, of the
    largest. Leading tokens that are read on their own and the pool of cells count alike; one that
    counts for no more than a cell is part of the pool.
    """
    import torch

    leading, pooled = changes[:-1], bool(changes[-1] > READ)
    alone = leading > (ALONE / count if pooled else READ)
    pool = torch.cat(
        [(leading > READ) & ~alone & pooled, changes.new_full((count - len(leading),), pooled)]
    )
    read = pool / pool.sum().clamp(min=1)
    read[: len(leading)] += alone
    return read / read.sum()


def _changed(tokens: Tensor, prefix: int) -> Tensor:
    """The tokens (1, T, C) as they are, with each leading one changed, and with all cells."""
    import torch

    wave = torch.linspace(-1, 1, tokens.shape[2], dtype=tokens.dtype, device=tokens.device)
    other = tokens.roll(1, 2) + wave * tokens.float().std().to(tokens.dtype)  # no norm undoes it
    states = tokens.repeat(prefix + 2, 1, 1)
    for at in range(prefix):
        states[1 + at, at] = other[0, at]
    states[-1, prefix:] = other[0, prefix:]
    return states
