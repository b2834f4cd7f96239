"""Any text for a browser, shown letter by letter."""

from __future__ import annotations

import re

MARKS = re.compile(r"([\\`*_\[\]<>$~:#|!])")
"""What begins a picture, a link, colours or mathematics in streamlit's Markdown."""


def readable(text: object) -> str:
    """Text that a browser can be sent; letters of files' names that are no Unicode become ?."""
    return str(text).encode("utf-8", "replace").decode("utf-8")


def plain(text: object) -> str:
    """Any text for a place where streamlit reads Markdown."""
    return MARKS.sub(r"\\\1", readable(text))
