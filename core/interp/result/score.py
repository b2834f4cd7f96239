"""The scores of an explanation as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interp.evidence import is_poor

RATED = ("r2", "reliability")
"""First words of the names of scores that are poor below a half."""


def score_rows(scores: Mapping[str, Any]) -> list[list[str]]:
    """Headings, then a score to a row and a target to a column; none where there are no scores.

    What belongs to no single target stands in a column of its own.
    """
    grouped = {key: value for key, value in scores.items() if isinstance(value, Mapping)}
    shared = {key: value for key, value in scores.items() if not isinstance(value, Mapping)}
    names = list(dict.fromkeys(name for each in grouped.values() for name in each))
    rows = [
        [name, *(score_words(name, each.get(name)) for each in grouped.values())] for name in names
    ]
    if not shared:
        return [["score", *grouped], *rows] if rows else []
    heads = ["score", *grouped, "of all" if grouped else "value"]
    rows = [[*row, "–"] for row in rows]
    rows += [
        [name, *["–"] * len(grouped), score_words(name, value)] for name, value in shared.items()
    ]
    return [heads, *rows]


def score_words(name: str, value: Any) -> str:
    """A score: a number with four significant digits, marked where it is poor; a dash for none."""
    if not isinstance(value, float):
        return "–" if value is None else str(value)
    poor = name.replace("_", " ").partition(" ")[0] in RATED and is_poor(value)
    return f"{value:.4g}{', poor' * poor}"
