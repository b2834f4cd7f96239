"""Errors on a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from interp.errors import InterpError


@contextmanager
def show_errors() -> Iterator[None]:
    """Show an error of interp in its place on the page; the page goes on after the block."""
    try:
        yield
    except InterpError as error:
        st.error(str(error))
