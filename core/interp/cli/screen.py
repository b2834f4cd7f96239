"""What the commands print: aligned columns for people, one JSON object for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import typer


def columns(rows: Iterable[Sequence[str]], indent: int = 2) -> list[str]:
    """Rows as lines with aligned columns; the last column is left ragged."""
    listed = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*listed, strict=True)]
    return [
        " " * indent
        + "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
        for row in listed
    ]


def number(value: Any) -> str:
    """A figure as people read it: four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def say(as_json: bool, facts: dict[str, Any], lines: Iterable[str]) -> None:
    """Print `facts` as the one JSON object, or else the lines."""
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False))
    else:
        typer.echo("\n".join(lines))
