"""Listing a model's layers from their places and what was seen of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from interp.network.receptive_field import GridField
from interp.spec import Layer, grid_of
from interp_onnx.cost import share_after, work
from interp_onnx.field import follow
from interp_onnx.graph import Graph
from interp_onnx.naming import Place
from interp_onnx.observe import Seen
from interp_onnx.port import Port

LAYOUTS: dict[int, Literal["NCHW", "tokens", "vector"]] = {4: "NCHW", 3: "tokens", 2: "vector"}


def list_layers(
    graph: Graph, port: Port, places: Mapping[str, Place], seen: Seen, cuttable: bool
) -> list[Layer]:
    """The places whose tensor has a layout that methods know, one row per image."""
    sights = follow(graph, port, seen.shapes)
    costs = work(graph, seen.shapes)
    found = []
    for name, place in places.items():
        shape, sight = seen.shapes.get(place.tensor, ()), sights.get(place.tensor)
        if len(shape) not in LAYOUTS or shape[0] != seen.batch or _channels_at_end(shape, sight):
            continue
        local = len(shape) == 4 and sight is not None and sight.axes == (2, 3)
        found.append(
            Layer(
                name=name,
                kind=place.kind,
                layout=LAYOUTS[len(shape)],
                channels=shape[2] if len(shape) == 3 else shape[1],
                grid=grid_of(shape),
                field=sight.field() if local and sight else None,
                cost_after=share_after(graph, place.tensor, costs),
                cut="graph" if cuttable else "none",
            )
        )
    return found


def _channels_at_end(shape: tuple[int, ...], sight: GridField | None) -> bool:
    """Whether a four-dimensional tensor is (N, h, w, C)."""
    if len(shape) != 4:
        return False
    if sight is not None:
        return sight.axes != (2, 3)
    return shape[1] == shape[2] != shape[3]
