"""Layers as methods see them: layout, channels and grid from the shape of a layer's output."""

from __future__ import annotations

from typing import Literal

from interp.network.receptive_field import GridField
from interp.spec import Layer, grid_of

LAYOUTS: dict[int, Literal["NCHW", "tokens", "vector"]] = {4: "NCHW", 3: "tokens", 2: "vector"}
"""Layout of a layer's output by its number of dimensions."""


def describe_layer(
    name: str,
    kind: str,
    shape: tuple[int, ...],
    sight: GridField | None,
    batch: int,
    cost_after: float | None,
    cut: Literal["graph", "hooks", "none"],
) -> Layer | None:
    """The layer with an output of this shape for `batch` images.

    None where the output is not one row per image in a layout that methods know: channels-last
    maps (N, h, w, C), as inside ConvNeXt and Swin, are left out.
    """
    if len(shape) not in LAYOUTS or shape[0] != batch or _channels_last(shape, sight):
        return None
    layout = LAYOUTS[len(shape)]
    return Layer(
        name=name,
        kind=kind,
        layout=layout,
        channels=shape[2] if layout == "tokens" else shape[1],
        grid=grid_of(shape),
        field=sight.field() if sight and layout == "NCHW" and sight.axes == (2, 3) else None,
        cost_after=cost_after,
        cut=cut,
    )


def _channels_last(shape: tuple[int, ...], sight: GridField | None) -> bool:
    if len(shape) != 4:
        return False
    return shape[1] == shape[2] != shape[3] if sight is None else sight.axes != (2, 3)
