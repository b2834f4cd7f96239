"""Listing a model's layers from what a forward pass showed."""

from __future__ import annotations

from collections.abc import Collection

from interp.spec import Layer, grid_of
from interp_torch.observe import Pass, Seen

LAYOUTS = {4: "NCHW", 3: "tokens", 2: "vector"}


def list_layers(seen: Pass, batch: int, exact: Collection[str]) -> list[Layer]:
    """The layers whose output has a layout that methods know; `exact` are cut by graph."""
    return [
        _layer(name, each, seen.work, "graph" if name in exact else "hooks")
        for name, each in seen.layers.items()
        if len(each.shape) in LAYOUTS and each.shape[0] == batch and not _channels_at_end(each)
    ]


def _layer(name: str, seen: Seen, work: int, cut: str) -> Layer:
    layout = LAYOUTS[len(seen.shape)]
    local = layout == "NCHW" and seen.sight is not None and seen.sight.axes == (2, 3)
    return Layer(
        name=name,
        kind=seen.kind,
        layout=layout,
        channels=seen.shape[2] if layout == "tokens" else seen.shape[1],
        grid=grid_of(seen.shape),
        field=seen.sight.field() if local and seen.sight else None,
        cost_after=round(1 - seen.work / work, 6) if work else None,
        cut=cut,
    )


def _channels_at_end(seen: Seen) -> bool:
    """Whether a four-dimensional output is (N, h, w, C), as inside ConvNeXt and Swin."""
    if len(seen.shape) != 4:
        return False
    if seen.sight is not None:
        return seen.sight.axes != (2, 3)
    _, first, second, third = seen.shape
    return first == second != third
