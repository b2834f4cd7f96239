"""Evidence as its renderers draw it, and matrices and galleries to look into."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from interp.errors import InterpError, blamed
from interp.evidence import Evidence, Gallery, Heatmap, Matrix, PartMaps
from interp.explanation import Explanation
from interp.method import Style
from interp.registry import Registry

LARGEST = 40
"""Rows of a matrix that are drawn as bars."""


def drawn(registry: Registry, each: Evidence, image: np.ndarray | None) -> np.ndarray:
    """A piece of evidence as a picture (h, w, 3) uint8."""
    renderer = registry.renderer(each.kind)
    with blamed(f"renderer of {each.kind}"):
        picture: np.ndarray = renderer.render(each, image, Style())
    return picture


def show_evidence(registry: Registry, listed: Sequence[Evidence], found: Explanation) -> None:
    """Pictures two by two; what cannot be drawn says so in its own place."""
    columns = st.columns(2)
    for number, each in enumerate(listed):
        with columns[number % 2]:
            st.markdown(f"**{each.name}** · {each.kind.replace('_', ' ')}")
            image = None if each.image is None else found.images[each.image]
            try:
                st.image(drawn(registry, each, image), alt=f"{each.name}, {each.kind}")
            except InterpError as error:
                st.error(str(error))


def explore(registry: Registry, listed: Sequence[Evidence], found: Explanation, key: str) -> None:
    """What can be looked into: channels' maps one by one, rows and columns of matrices."""
    for each in listed:
        if isinstance(each, PartMaps) and each.image is not None:
            _channel(registry, each, found.images[each.image], key)
    matrices = {each.name: each for each in listed if isinstance(each, Matrix)}
    if matrices:
        _matrix(matrices, [each for each in listed if isinstance(each, Gallery)], key)


def _channel(registry: Registry, each: PartMaps, image: np.ndarray, key: str) -> None:
    """Pick a channel: its map alone, over the whole image."""
    label = f"A channel of {each.name}"
    picked = st.selectbox(label, each.filters, None, key=f"{key} {each.name} {each.target}")
    if picked is None:
        return
    values = each.maps[each.filters.index(picked)]
    name, signed = f"channel {picked}", bool((values < 0).any())
    alone = Heatmap(name=name, layer=each.layer, values=values, signed=signed, unit="activation")
    st.image(drawn(registry, alone, image), alt=name)


def _matrix(matrices: dict[str, Matrix], galleries: Sequence[Gallery], key: str) -> None:
    """Pick a row or a column: its numbers, and the pictures that are named so."""
    name = st.selectbox("Matrix", list(matrices), key=f"{key} matrix")
    matrix = matrices[name]
    one, two = st.columns(2)
    row = one.selectbox("Class or row", matrix.rows, None, key=f"{key} {name} row")
    column = two.selectbox("Channel or column", matrix.columns, None, key=f"{key} {name} column")
    values = pd.DataFrame(matrix.values, matrix.rows, matrix.columns)
    if row is not None:
        _bars(values.loc[row], f"{name}: {row}")
    if column is not None:
        _bars(values[column], f"{name}: {column}")
    for each in galleries:
        _pictures(each, matrix.layer, row, column)


def _bars(values: pd.Series, title: str) -> None:
    strongest = values.abs().sort_values(ascending=False).index[:LARGEST]
    st.caption(f"{title}: the strongest {len(strongest)}")
    st.bar_chart(values.loc[strongest], sort=False)


def _pictures(each: Gallery, layer: str | None, row: str | None, column: str | None) -> None:
    """The gallery's pictures whose caption names the row or the column."""
    chosen = [word for word in (row, column) if word is not None]
    if each.layer != layer or not chosen:
        return
    at = [
        number
        for number, caption in enumerate(each.captions)
        if all(word in caption.replace(":", " ").split() for word in chosen)
    ]
    if at:
        captions = [each.captions[number] for number in at]
        pictures = [each.pictures[number] for number in at]
        st.image(pictures, caption=captions, width=150, alt=captions)
    else:
        st.caption(f"{each.name} has no picture of {' and '.join(chosen)}.")
