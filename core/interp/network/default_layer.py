"""Which layers of a model are maps, and which of them is read where none is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from interp.spec import Layer

MOVED = ("pool", "pad", "upsample")
"""Kinds of layers that only move or merge values, without features of their own."""
COARSE = 4
"""Of a model that answers a map, the default layer's cells are at least so many pixels wide."""
ATTENTION = ("attn", "attention")
"""Parts of the names of attention modules; what lies inside shows a part of their work only."""


def maps_of(layers: Sequence[Layer]) -> list[Layer]:
    """The layers over a grid of several cells, in order; not those that only pool or pad."""
    found, before = [], None
    for each in layers:
        moved = any(word in each.kind.lower() for word in MOVED)
        if before is not None and before.name.startswith(f"{each.name}."):
            moved = True  # a block that ends with a pooling has the pooling's output
        before = each if moved else None
        if each.grid is not None and min(each.grid) > 1 and not moved:
            found.append(each)
    return found


def last_map(
    maps: Sequence[Layer],
    size: tuple[int, int],
    answered: int,
    matters: Callable[[Layer], bool] | None,
) -> Layer:
    """The last map that can be cut, that the scores depend on, outside of attention's parts.

    `size` (h, w) is the input's. Of a model that answers a map of `answered` channels (0: it does
    not), the layer comes before those that only refine the pixels. `matters` says whether scores
    depend on a layer; None where the model cannot be cut.
    """
    whole = [each for each in maps if not _inside_attention(each.name)] or list(maps)
    if answered:
        whole = [each for each in whole if _before_pixels(each, size, answered)] or whole
    cuttable = [each for each in whole if each.cut != "none"]
    if not cuttable or matters is None:
        return whole[-1]
    last = _last_true(len(cuttable), lambda at: matters(cuttable[at]))
    return cuttable[-1 if last is None else last]


def _before_pixels(layer: Layer, size: tuple[int, int], answered: int) -> bool:
    """Whether a layer is neither the map that the model answers nor nearly as fine as that."""
    if layer.grid is None:
        return True
    fine = all(each * COARSE > side for each, side in zip(layer.grid, size, strict=True))
    return layer.channels != answered and not fine


def _inside_attention(name: str) -> bool:
    """Whether a layer is a part of an attention module, by the names of its parents."""
    parents = name.lower().split(".")[:-1]
    return any(word in each for each in parents for word in ATTENTION)


def _last_true(count: int, holds: Callable[[int], bool]) -> int | None:
    """The last of `count` numbers that `holds`, where it holds up to some number; None: nowhere.

    Steps back from the end, twice as far each time, and then halves the gap: few questions.
    """
    low, high, step = count - 1, count, 1
    while low >= 0 and not holds(low):
        low, high, step = low - step, low, 2 * step
    if low < 0:
        low = -1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return None if low < 0 else low
