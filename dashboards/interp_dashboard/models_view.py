"""Several models side by side on a page: each method's map of every model, and the report."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from functools import partial

import streamlit as st

from interp.comparison.models import ModelComparison
from interp.plain_text import markdown
from interp.report.models_page import models_html
from interp.storage.folder import slug
from interp_dashboard.comparison_view import pick, show_tiles, show_verdict
from interp_dashboard.layout import show_notes
from interp_dashboard.map_view import Map, maps, photo_tile
from interp_dashboard.session import registry


def show_models(found: ModelComparison, version: Hashable) -> None:
    """Show one image and target at a time; maps are drawn again only for another `version`."""
    at, target = pick(found.comparisons[0].records)
    st.subheader(f"Why {markdown(target)}? {markdown(' beside '.join(found.models))}")
    st.caption(
        "The same methods on each model, whose maps have a colour scale of their own. Red speaks "
        "for the class, blue against it; a ring marks where a map is largest."
    )
    show_verdict(found.sentences(), found.methods)
    show_tiles(version, (at, target), partial(_tiles, found, at, target), "maps of models")
    show_notes(note for each in found.comparisons for note in each.notes)
    if len(found.comparisons) > 1:
        with st.container(key="keep"):
            st.subheader("Keep it")
            report = partial(_report, found)
            name = f"{slug(' '.join(found.models))}.html"
            st.download_button("HTML report", report, name, "text/html", on_click="ignore")
            st.caption("Each model's own comparison is also on the page Runs.")


def _tiles(found: ModelComparison, at: int, target: str) -> list[Map]:
    """A row for each method: the image, then the map of each model."""
    by_model = [maps(registry(), each, at, target) for each in found.comparisons]
    tiles = []
    for alike in zip(*by_model, strict=True):
        tiles.append(photo_tile(found.comparisons[0], at))
        tiles += [
            replace(each, method=f"{each.method}: {model}", summary="")
            for model, each in zip(found.models, alike, strict=True)
        ]
    return tiles


def _report(found: ModelComparison) -> bytes:
    return models_html(registry(), found).encode("utf-8")
