"""Pages that plugin packages add through the hook interp_panels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from interp.comparison.result import Comparison
from interp.errors import InterpError, blamed
from interp.registry import Registry
from interp.storage.folder import slug
from interp_dashboard.page.compare import JOB
from interp_dashboard.session import registry, session

Panel = Callable[[Comparison | None], None]
"""Draws itself with streamlit; it is given what the visitor compared last."""


def pages() -> list[Any]:
    """A page for each panel; a package that fails has a page that says so."""
    found = panels(registry())
    return [
        st.Page(page_of(title, each), title=title, url_path=f"panel-{slug(title)}")
        for title, each in found.items()
    ]


def panels(known: Registry) -> dict[str, Panel]:
    """Every declared panel by its title: a package answers the hook with {title: panel}."""
    found: dict[str, Panel] = {}
    for manifest in known.manifests:  # one at a time: a package that fails takes none with it
        alone = Registry((manifest,))
        try:
            for answer in alone.hook("interp_panels"):
                found |= answer
        except (InterpError, TypeError) as error:
            for each in alone.hooks("interp_panels"):
                found |= dict.fromkeys(each.names, _failed(str(error)))
    return found


def _failed(reason: str) -> Panel:
    return lambda _: _say(reason)


def _say(reason: str) -> None:
    st.error(reason)


def page_of(title: str, panel: Panel) -> Callable[[], None]:
    """The panel as a page; what it does not mean to raise is told there."""

    def page() -> None:
        job = session().jobs.get(JOB)
        try:
            with blamed(f"panel {title}"):
                panel(None if job is None else job.result)
        except InterpError as error:
            st.error(str(error))

    return page
