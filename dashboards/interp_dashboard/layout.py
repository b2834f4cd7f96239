"""Parts of a page's layout: rows of columns, errors in their place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from typing import Any, TypeVar

import streamlit as st

from interp.errors import InterpError, first_line

Item = TypeVar("Item")


def grid(items: Iterable[Item], across: int) -> Iterator[tuple[Any, Item]]:
    """Each item with its column; row by row, so that a narrow page keeps the order."""
    columns = chain.from_iterable(map(st.columns, repeat(across)))
    return ((column, item) for item, column in zip(items, columns, strict=False))


@contextmanager
def show_errors(plugin: str | None = None) -> Iterator[None]:
    """Show an error of interp in its place on the page; the page goes on after the block.

    With the name of a `plugin`, whose code runs in the block, also any other error. What Streamlit
    itself raises, to run the page again, passes.
    """
    try:
        yield
    except InterpError as error:
        st.error(str(error))
    except (Exception, SystemExit) as error:
        if plugin is None:
            raise
        st.error(f"{plugin} failed: {type(error).__name__}: {first_line(error)}")
