"""Runs: what this visitor made and what was kept; open one again, or see what differs in two."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from interp.bundle import open_bundle
from interp.comparison.result import Comparison
from interp.difference import difference
from interp.difference_picture import draw_difference
from interp.errors import InputError, InterpError
from interp.folder import MANIFEST, read_json
from interp_dashboard.result import result
from interp_dashboard.session import registry, session, setting
from interp_dashboard.view import show_evidence

KINDS = ("explanation", "comparison")


def page() -> None:
    """A list, one opened, two compared."""
    st.title("Runs")
    found = history()
    if not found:
        st.info("Nothing yet. What you run on the page Compare is listed here, and what was kept.")
        return
    rows = [_row(name, folder) for name, folder in found.items()]
    st.dataframe(pd.DataFrame(rows), hide_index=True)
    opened, compared = st.tabs(["Open", "What differs"])
    with opened:
        name = st.selectbox("Run", list(found))
        _told(lambda: _open(found[name]))
    with compared:
        one, two = st.columns(2)
        before = one.selectbox("A", list(found))
        after = two.selectbox("B", list(found), min(1, len(found) - 1))
        if st.button("Compare A and B", disabled=before == after):
            _told(lambda: _differ(found[before], found[after]))


def history() -> dict[str, Path]:
    """This visitor's runs and the kept ones, newest first, by name."""
    own = _folders(session().runs())
    kept = _folders(setting().runs)
    listed = [(f"{each.name} (yours)", each) for each in own] + [(each.name, each) for each in kept]
    listed.sort(key=lambda pair: (pair[1] / MANIFEST).stat().st_mtime, reverse=True)
    return dict(listed)


def _folders(place: Path) -> Iterator[Path]:
    """Whole results in a folder; links are not followed."""
    if not place.is_dir():
        return
    for each in place.iterdir():
        if not each.is_symlink() and _kind(each) in KINDS:
            yield each


def _kind(folder: Path) -> Any:
    try:
        return read_json(folder / MANIFEST).get("kind")
    except (InputError, AttributeError):
        return None


def _row(name: str, folder: Path) -> dict[str, Any]:
    about = read_json(folder / MANIFEST)
    request = read_json(folder / "request.json")
    methods = request.get("methods") or [{"name": request.get("method")}]
    return {
        "run": name,
        "kind": about["kind"],
        "methods": ", ".join(each["name"] for each in methods),
        "model": Path(request["model"]).name,
        "images": ", ".join(request.get("images", ())),
        "written": about.get("written"),
    }


def _told(act: Any) -> None:
    try:
        act()
    except InterpError as error:
        st.error(str(error))


def _open(folder: Path) -> None:
    if _kind(folder) == "explanation":
        _, found = open_bundle(folder)
        show_evidence(registry(), found.evidence, found)
        return
    result(Comparison.open(folder), folder.name)


def _differ(before: Path, after: Path) -> None:
    found = difference(before, after)
    st.subheader(found.verdict())
    if found.changes:
        rows = [(key, str(one), str(two)) for key, (one, two) in found.changes.items()]
        st.dataframe(pd.DataFrame(rows, columns=["asked or used", "A", "B"]), hide_index=True)
    lines = [(each.name, each.told()) for each in found.pairs]
    st.dataframe(pd.DataFrame(lines, columns=["evidence", "difference"]), hide_index=True)
    try:
        st.image(draw_difference(registry(), found))
    except InputError as error:
        st.caption(f"No picture: {error}")
