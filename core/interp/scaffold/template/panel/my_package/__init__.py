"""A panel: a page of the dashboard on the methods that were compared last."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from interp.hookspecs import hookimpl

if TYPE_CHECKING:
    from interp import Comparison


@hookimpl
def interp_panels() -> dict[str, Callable[[Comparison | None], None]]:
    """The pages of the dashboard, by title; registry.yaml names them, too."""
    return {"my-name": show}


def show(comparison: Comparison | None) -> None:
    """Draw the page with streamlit; `comparison` is the visitor's last one, or None."""
    import streamlit as st

    st.title("my-name")
    if comparison is None:
        st.info("Compare some methods first; they are listed here.")
        return
    st.write(", ".join(comparison.methods))
