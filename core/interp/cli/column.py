"""Tables in a terminal: aligned columns, wrapped and folded to its width."""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap

from interp.plain_text import visible

INDENT, GAP = 2, 2
"""Spaces before the first column, and between two."""
NARROWEST = 24
"""Least width of a last column that is wrapped; below, the table is folded instead."""


def columns(rows: Iterable[Sequence[str]], width: int | None = None) -> list[str]:
    """Rows as indented lines with aligned columns, no wider than `width`, by default the terminal.

    The last column is wrapped; where that leaves it no room, the table is cut into several, each
    with the first column. What is not read in a terminal is as wide as it comes out.
    """
    listed = [[visible(word) for word in row] for row in rows]
    room = terminal_width() if width is None else width
    sizes = [max(map(size, column)) for column in zip(*listed, strict=True)]
    if not sizes:
        return []
    before = INDENT + sum(each + GAP for each in sizes[:-1])
    if room is None or before + min(sizes[-1], NARROWEST) <= room:
        return list(_lines(listed, sizes, None if room is None else room - before))
    lines: list[str] = []
    for widths, last, table in _folded(listed, sizes, room):
        lines += [*([""] if lines else []), *_lines(table, widths, last)]
    return lines


def terminal_width() -> int | None:
    """Columns of the terminal that is written to; None where it is none, and COLUMNS not set."""
    looks = sys.stdout is not None and sys.stdout.isatty()
    return shutil.get_terminal_size().columns if looks or "COLUMNS" in os.environ else None


def size(text: str) -> int:
    """Columns that a text takes: two for a wide letter, none for a mark on another."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in text
    )


def _lines(rows: list[list[str]], sizes: list[int], last: int | None) -> Iterator[str]:
    """Aligned lines; words of the last column go on below their beginning, `last` wide."""
    for row in rows:
        *words, end = row
        first = "".join(
            word + " " * (each - size(word) + GAP) for word, each in zip(words, sizes, strict=False)
        )
        pieces = [end] if last is None else wrap(end, last, break_on_hyphens=False)
        for piece in pieces or [""]:
            yield f"{' ' * INDENT}{first}{piece}".rstrip()
            first = " " * size(first)


def _folded(
    rows: list[list[str]], sizes: list[int], width: int
) -> Iterator[tuple[list[int], int, list[list[str]]]]:
    """Tables no wider than `width`, each with the first column, its widths and that of the last."""
    first, begin = INDENT + sizes[0] + GAP, 1
    used = first
    for at in range(1, len(sizes) + 1):
        if at == len(sizes) or (used + sizes[at] > width and at > begin):
            kept = [0, *range(begin, at)]
            widths = [sizes[each] for each in kept]
            last = max(width - INDENT - sum(each + GAP for each in widths[:-1]), NARROWEST)
            yield widths, last, [[row[each] for each in kept] for row in rows]
            begin, used = at, first
        if at < len(sizes):
            used += sizes[at] + GAP
