"""A comparison on a page: maps, agreement, and files to download."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from interp.comparison.result import Comparison, ImageRecord
from interp.comparison.verdict import verdict
from interp.plain_text import markdown, visible
from interp.registry import Registry
from interp.report.page import REPORT, reading_html, verdict_html
from interp.storage.folder import slug
from interp_dashboard.export_result import export_button
from interp_dashboard.layout import show_notes, show_table
from interp_dashboard.map_view import Map, maps, photo_tile, show_maps
from interp_dashboard.session import registry, session
from interp_dashboard.unfinished import saved


def show_comparison(found: Comparison, version: Hashable) -> None:
    """Show one image and target at a time; maps are drawn again only for another `version`."""
    at, target = pick(found.records)
    record = found.records[at]
    st.subheader(f"Why {markdown(target)}?")
    answer = zip(record.prediction.classes, record.prediction.probabilities, strict=True)
    form = ".2f" if record.prediction.unit == "probability" else ".4g"
    classes = ", ".join(f"{name} {score:{form}}" for name, score in answer)
    st.caption(
        f"The network's answer on {markdown(record.name)}: {markdown(classes)}. Red speaks for "
        f"{markdown(target)}, blue against "
        "it; a ring marks where a map is largest. A map shows what this network used, not where "
        "the object is, nor what is true of it."
    )
    tiles = partial(_tiles, found, at, target)
    show_verdict(verdict(found, record, target).sentences(), found.methods)
    show_tiles(version, (at, target), tiles, "maps of it")
    show_notes(found.notes)
    _agreement(found, at, target)
    with st.container(key="keep"):
        _downloads(found)


def _tiles(found: Comparison, at: int, target: str) -> list[Map]:
    return [photo_tile(found, at), *maps(registry(), found, at, target)]


def pick(records: Sequence[ImageRecord]) -> tuple[int, str]:
    """The image, by its number, and the target that are shown; asked for where there are more."""
    names = [each.name for each in records]
    at = 0
    if len(names) > 1:
        at = names.index(st.selectbox("Image", names, format_func=visible, key="shown image"))
    targets = records[at].targets
    if len(targets) == 1:
        return at, targets[0]
    key = f"shown of {names[at]} {targets}"
    picked = st.segmented_control(
        "Target", targets, default=targets[0], key=key, format_func=markdown
    )
    return at, picked or targets[0]


def show_verdict(said: Sequence[str], methods: Sequence[str]) -> None:
    """What is said of the maps below, and beside it how to read them."""
    words, beside = st.columns([3, 1], vertical_alignment="bottom")
    if said:
        words.html(verdict_html(said))
    with beside.popover("How to read the maps", width="stretch"):
        st.html(reading_html(registry(), methods))


def show_tiles(
    version: Hashable, key: tuple[Hashable, ...], draw: Callable[[], list[Map]], label: str
) -> None:
    """Show tiles, which are drawn once for each version of the result."""
    drawn, whole = session().drawn, (version, *key)
    with st.container(key="maps"):
        if whole not in drawn:
            for old in [each for each in drawn if each[0] != version]:
                del drawn[old]
            drawn[whole] = draw()
        show_maps(registry(), drawn[whole], label)


def _agreement(found: Comparison, at: int, target: str) -> None:
    if len(found.methods) < 2:
        return
    st.subheader("Do they agree?")
    st.caption(
        "Rank correlation of the signed maps over the pixels that the network sees: 1 is the same "
        "order, 0 none, −1 the reverse. Methods that ask different questions need not agree."
    )
    values = np.array(found.records[at].agreement[target], np.float64)  # None is NaN
    words = [["–" if np.isnan(each) else f"{each:.2f}" for each in row] for row in values]
    shades = np.vectorize(_shade, otypes=[str])(values)
    names = [visible(each) for each in found.methods]
    table = pd.DataFrame(words, names, names)
    show_table(table.style.apply(lambda _: shades, axis=None))


def _shade(value: float) -> str:
    """Green where methods agree, orange where they contradict each other."""
    if not np.isfinite(value):
        return ""
    colour = "10, 143, 116" if value >= 0 else "208, 106, 0"
    return f"background-color: rgba({colour}, {0.55 * abs(value):.2f})"


def _downloads(found: Comparison) -> None:
    st.subheader("Keep it")
    folder = found.folder
    name = f"{slug(' '.join(found.methods))[:60]}-not-finished" if folder is None else folder.name
    one, two, three = st.columns(3)
    how: dict[str, Any] = {"on_click": "ignore", "width": "stretch"}
    take = partial(_taken, found, registry(), name)
    report, bundle = partial(take, _report), partial(take, _zipped)
    labels = ("HTML report", "Bundle (zip)")
    if folder is None:
        labels = ("Report so far (HTML)", "Bundle so far (zip)")
    one.download_button(labels[0], report, f"{name}.html", "text/html", **how)
    two.download_button(labels[1], bundle, f"{name}.zip", "application/zip", **how)
    if folder is not None:
        with three:
            export_button(folder)
    st.caption(
        "The address of the page Compare repeats what was chosen when Run was pressed, except for "
        "uploads: save it, or send it to somebody who has the same models and images."
    )


def _taken(
    found: Comparison, registered: Registry, name: str, make: Callable[[Path], bytes]
) -> bytes:
    """A file of the comparison's folder, which is made now for one that was not finished."""
    if found.folder is not None:
        return make(found.folder)
    with saved(found, registered, name) as folder:
        return make(folder)


def _report(folder: Path) -> bytes:
    return (folder / REPORT).read_bytes()


def _zipped(folder: Path) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(each for each in folder.rglob("*") if each.is_file()):
            archive.write(file, Path(folder.name) / file.relative_to(folder))
    return held.getvalue()
