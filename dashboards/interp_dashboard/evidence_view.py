"""Evidence on a page, drawn by its renderers, with matrices and channels to explore."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from interp.evidence import Evidence, Gallery, Heatmap, Matrix, PartMaps
from interp.explanation import Explanation
from interp.method import Style
from interp.plain_text import markdown, visible
from interp.registry import Registry
from interp.result.caption import caption
from interp.result.draw import Styles, draw_evidence, image_of
from interp_dashboard.layout import grid, show_errors

ACROSS = 3
"""The most pictures side by side."""
LARGEST = 40
"""Rows of a matrix that are drawn as bars."""
FOR, AGAINST = "#b92025", "#0062ae"
"""Colours of bars above and below zero, as those of maps."""


def show_evidence(registry: Registry, listed: Sequence[Evidence], found: Explanation) -> None:
    """Show the images and the pictures; an error takes the place of one that cannot be drawn."""
    styles = Styles(found, Style())
    made = found.provenance
    names, method = ((), None) if made is None else (made.image_names, made.method)
    photos = list(zip(names, found.images, strict=False))
    cells = [column for column, _ in grid([*photos, *listed], ACROSS)]
    for column, (name, image) in zip(cells, photos, strict=False):
        with column:
            st.markdown("**the image**")
            st.image(image, alt=f"The image {name}", width=styles.style.width)
    for column, each in zip(cells[len(photos) :], listed, strict=True):
        with column:
            st.markdown(f"**{markdown(each.name)}**")
            st.caption(markdown(caption(registry, method, each)))
            with show_errors():
                picture = draw_evidence(registry, each, image_of(found, each), styles.of(each))
                st.image(picture, alt=f"{each.name}, {each.kind}")


def explore_evidence(
    registry: Registry, listed: Sequence[Evidence], found: Explanation, key: str
) -> None:
    """Let the visitor pick single channels, and single rows and columns of matrices."""
    for each in listed:
        if isinstance(each, PartMaps) and each.image is not None:
            _channel(registry, each, found.images[each.image], key)
    matrices = {each.name: each for each in listed if isinstance(each, Matrix)}
    if matrices:
        _matrix(matrices, [each for each in listed if isinstance(each, Gallery)], key)


def _channel(registry: Registry, each: PartMaps, image: np.ndarray, key: str) -> None:
    """Pick a channel and show its map alone over the whole image."""
    label = f"A channel of {markdown(each.name)}"
    picked = st.selectbox(label, each.filters, None, key=f"{key} {each.name} {each.target}")
    if picked is None:
        return
    values = each.maps[each.filters.index(picked)]
    name, signed = f"channel {picked}", bool((values < 0).any())
    alone = Heatmap(name=name, layer=each.layer, values=values, signed=signed, unit="activation")
    st.image(draw_evidence(registry, alone, image), alt=name)


def _matrix(matrices: dict[str, Matrix], galleries: Sequence[Gallery], key: str) -> None:
    """Pick a row or a column and show its numbers, and the pictures with its name."""
    name = st.selectbox("Matrix", list(matrices), format_func=visible, key=f"{key} matrix")
    matrix = matrices[name]
    one, two = st.columns(2)
    row = one.selectbox("Class or row", matrix.rows, None, key=f"{key} {name} row")
    column = two.selectbox("Channel or column", matrix.columns, None, key=f"{key} {name} column")
    values = pd.DataFrame(matrix.values, matrix.rows, matrix.columns)
    if row is not None:
        _bars(values.loc[row], f"{name}: {row}")
    if column is not None:
        _bars(values[column], f"{name}: {column}")
    words = [word for word in (row, column) if word is not None]
    for each in galleries:
        if each.layer == matrix.layer and words:
            _pictures(each, words)


def _bars(values: pd.Series, title: str) -> None:
    strongest = values.abs().sort_values(ascending=False).index[:LARGEST]
    st.caption(f"{markdown(title)}: the strongest {len(strongest)}")
    shown = values.loc[strongest]
    if (shown < 0).any():
        signed = {"for": shown.clip(lower=0), "against": shown.clip(upper=0)}
        st.bar_chart(pd.DataFrame(signed), color=[FOR, AGAINST], sort=False)
    else:
        st.bar_chart(shown, color=FOR, sort=False)


def _pictures(each: Gallery, words: Sequence[str]) -> None:
    """The gallery's pictures whose caption has all these words."""
    chosen = [
        at
        for at, caption in enumerate(each.captions)
        if set(words) <= set(caption.replace(":", " ").split())
    ]
    if chosen:
        captions = [each.captions[at] for at in chosen]
        st.image(
            list(each.pictures[chosen]), caption=[*map(markdown, captions)], width=150, alt=captions
        )
    else:
        st.caption(markdown(f"{each.name} has no picture of {' and '.join(words)}."))
