"""Parts of a page's layout: rows of columns, errors in their place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from typing import Any, TypeVar

import pandas as pd
import streamlit as st

from interp.errors import InterpError, first_line
from interp.plain_text import html, markdown
from interp.result.plot import balanced

Item = TypeVar("Item")
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


@contextmanager
def show_errors(plugin: str | None = None) -> Iterator[None]:
    """Show an error of interp in its place on the page; the page goes on after the block.

    With the name of a `plugin`, whose code runs in the block, also any other error. What Streamlit
    itself raises, to run the page again, passes.
    """
    try:
        yield
    except InterpError as error:
        st.error(markdown(error))
    except (Exception, SystemExit) as error:
        if plugin is None:
            raise
        st.error(markdown(f"{plugin} failed: {type(error).__name__}: {first_line(error)}"))
