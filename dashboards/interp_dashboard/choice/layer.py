"""Choosing layers in a drawing of the network: its stages from top to bottom, with their blocks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import streamlit as st

from interp.plain_text import markdown, visible
from interp.spec import Layer

HERE = Path(__file__).parent


def names_layers(parameter: str) -> bool:
    """Whether a parameter is a layer, or several: `layer`, `layers`, `concept_layer`."""
    return parameter.removesuffix("s").rpartition("_")[2] == "layer"


def choose_layers(
    label: str, words: str, layers: Sequence[Layer], given: Sequence[str], several: bool, key: str
) -> list[str]:
    """The layers that are picked in the drawing; `several`: more than one may be."""
    known = {each.name for each in layers}
    held = st.session_state.get(key)
    picked = [each for each in (given if held is None else held["picked"]) if each in known]
    with st.popover(f"{label}: pick in the network", help=words, width="stretch"):
        data = {"stages": stages(layers), "several": several, "picked": picked}
        found = _component()(
            data=data, default={"picked": picked}, on_picked_change=_nothing, key=key
        )
    chosen = [each for each in found["picked"] if each in known]
    st.caption(markdown(", ".join(chosen)) if chosen else "as the method chooses")
    return chosen


def stages(layers: Sequence[Layer]) -> list[dict[str, Any]]:
    """The network's drawing: stages, by the first part of the layers' names, with their blocks.

    `side` is that of a stage's grid as a share of the largest grid's.
    """
    largest = max((max(each.grid) for each in layers if each.grid), default=1)
    found = []
    for name, group in groupby(layers, lambda each: _parts(each.name)[:1]):
        inside = list(group)
        last = inside[-1]
        blocks = groupby(inside, lambda each: _parts(each.name)[:2])
        found.append(
            {
                "name": visible(".".join(name)),
                "about": _about(last),
                "side": 0 if last.grid is None else max(last.grid) / largest,
                "blocks": [[_drawn(each, len(parts)) for each in block] for parts, block in blocks],
            }
        )
    return found


def _drawn(layer: Layer, depth: int) -> dict[str, str]:
    """A layer's button: its own name, what it is called in its block, and what it is."""
    parts = _parts(layer.name)
    short = ".".join(parts[depth:]) or ".".join(parts)
    short += f" {layer.kind}" * short.isdigit()  # in a sequence, a number says nothing
    about = f"{layer.kind}, {_about(layer)}"
    return {"name": layer.name, "label": visible(short), "about": visible(about)}


def _about(layer: Layer) -> str:
    """`14 × 14 cells, 96 channels, 19 % of the cost after it`."""
    cells = "no cells" if layer.grid is None else f"{layer.grid[0]} × {layer.grid[1]} cells"
    words = [cells, f"{layer.channels} channels"]
    if layer.cost_after is not None:
        words.append(f"{layer.cost_after:.0%} of the cost after it".replace("%", " %"))
    return ", ".join(words)


def _parts(name: str) -> list[str]:
    return [each for each in re.split(r"[./]", name) if each] or [name]


def _nothing() -> None:
    """A new choice only runs the page again."""


@cache
def _component() -> Any:
    return st.components.v2.component(
        "interp_layers",
        html='<div class="network"></div>',
        css=(HERE / "layer.css").read_text("utf-8"),
        js=(HERE / "layer.js").read_text("utf-8"),
    )
