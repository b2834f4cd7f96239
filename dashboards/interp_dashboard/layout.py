"""Parts of a page's layout: rows of columns, errors in their place."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from itertools import chain, repeat
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import streamlit as st

from interp.errors import InterpError, first_line
from interp.plain_text import html, markdown
from interp.result.plot import balanced
from interp_dashboard.session import without_paths
from interp_dashboard.text import on_page

LOG = logging.getLogger("interp.dashboard")
Item = TypeVar("Item")
EXAMPLE = Path(__file__).with_name("example.html")
HIGHEST, ROW = 100, 35
"""Rows of a table that are shown without scrolling, and pixels of a row."""


def grid(items: Iterable[Item], most: int) -> Iterator[tuple[Any, Item]]:
    """Each item with its column, at most so many to a row.

    Rows are as equal as they can be, so that none holds a single item; row by row, so that a
    narrow page keeps the order.
    """
    listed = list(items)
    columns = chain.from_iterable(map(st.columns, repeat(balanced(len(listed), most) or 1)))
    return ((column, item) for item, column in zip(listed, columns, strict=False))


def show_table(rows: Any, **options: Any) -> None:
    """Show a table with all its rows; of very many, as many as HIGHEST with a word on the rest."""
    count = len(getattr(rows, "index", rows))
    if isinstance(rows, pd.DataFrame):
        rows = rows.map(html).rename(html, axis=0).rename(html, axis=1)
    st.dataframe(rows, height="content" if count <= HIGHEST else ROW * HIGHEST, **options)
    if count > HIGHEST:
        st.caption(f"{count:,} rows; scroll in the table to see all of them.")


def show_notes(notes: Iterable[str]) -> None:
    """Show each note once, in the words of the page."""
    for note in dict.fromkeys(notes):
        st.caption(markdown(on_page(note)))


@contextmanager
def show_errors(plugin: str | None = None) -> Iterator[None]:
    """Show an error in its place on the page; the page goes on after the block.

    An error that is not interp's own is the `plugin`'s whose code runs in the block, or else a
    mistake of the dashboard's, which is logged. What Streamlit itself raises, to run the page
    again, passes.
    """
    try:
        yield
    except InterpError as error:
        st.error(markdown(on_page(without_paths(error))))
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {first_line(error)}"
        if plugin is None:
            LOG.exception("a part of a page failed")
            reason += "; this is a mistake of the dashboard's; the rest of it can still be used"
        st.error(markdown(without_paths(f"{plugin or 'This part of the page'} failed: {reason}")))


def guarded(page: Callable[[], None]) -> Callable[[], None]:
    """A page that shows any error instead of ending with it."""

    @wraps(page)
    def shown() -> None:
        with show_errors():
            page()

    return shown
