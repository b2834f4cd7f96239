"""Pages that plugin packages add through the hook interp_panels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from interp.comparison.result import Comparison
from interp.errors import InterpError
from interp.plain_text import markdown
from interp.registry import Registry
from interp.storage.folder import slug
from interp_dashboard.layout import show_errors
from interp_dashboard.page.compare import last_comparison
from interp_dashboard.session import registry

Panel = Callable[[Comparison | None], None]
"""A function that draws with streamlit; it is given the visitor's last comparison."""


def pages() -> list[Any]:
    """A page for each panel; that of a package that fails shows the error."""
    found = panels(registry())
    return [
        st.Page(page_of(title, each), title=title, url_path=f"panel-{slug(title)}")
        for title, each in found.items()
    ]


def panels(registered: Registry) -> dict[str, Panel]:
    """Every declared panel by its title; a package returns {title: panel} from the hook."""
    found: dict[str, Panel] = {}
    for manifest in registered.manifests:  # one at a time: a package that fails takes none with it
        alone = Registry((manifest,))
        try:
            for answer in alone.hook("interp_panels"):
                found |= answer
        except (InterpError, TypeError) as error:
            for each in alone.hooks("interp_panels"):
                found |= dict.fromkeys(each.names, _error_panel(str(error)))
    return found


def _error_panel(reason: str) -> Panel:
    def show(_: Comparison | None) -> None:
        st.error(markdown(reason))

    return show


def page_of(title: str, panel: Panel) -> Callable[[], None]:
    """The panel as a page that shows any error of the panel."""

    def page() -> None:
        with show_errors(f"panel {title}"):
            panel(last_comparison())

    return page
