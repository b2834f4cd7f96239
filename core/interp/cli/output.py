"""What the commands print: aligned columns, or one JSON object."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from interp.explanation import Prediction


def columns(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows as indented lines with aligned columns; the last column is left ragged."""
    listed = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*listed, strict=True)]
    return [
        "  "
        + "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
        for row in listed
    ]


def number(value: Any) -> str:
    """A number with four significant digits; other values as text."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def answer(image: str, prediction: Prediction, most: int | None = None) -> str:
    """`photo.jpg: tiger cat 0.91, tabby 0.06`; values have four significant digits."""
    pairs = list(zip(prediction.classes, prediction.probabilities, strict=True))[:most]
    digits = 2 if prediction.unit == "probability" else 4
    return f"{image}: {', '.join(f'{name} {chance:.{digits}g}' for name, chance in pairs)}"


def say(as_json: bool, facts: dict[str, Any], lines: Iterable[str]) -> None:
    """Print `facts` as one JSON object, or else the lines."""
    if as_json:
        typer.echo(json.dumps(_finite(facts), ensure_ascii=False, default=str))
    else:
        typer.echo("\n".join(lines))


def _finite(value: Any) -> Any:
    """`value` with null for NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
