"""Writes docs/callers.md: who may call interp, and where, from the table in tests/robustness."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "tests"))

from robustness.callers import CALLERS

CALLERS_PAGE = Path(__file__).parent / "callers.md"
INTRODUCTION = """# Who may call, and where

interp is called inside modes of PyTorch, from several threads, on modules of every form, and in odd
surroundings. Each row below is a test (`tests/robustness/callers.py`): the answer is the one in the
right column, or the call is refused in one line before any work. Whatever happens, the program's
own states are as before: random numbers of torch, NumPy and Python, numbers of threads, recording
of gradients, default type and device, flags of backends, warnings filters.

Two things concern the whole process: with another default type than float32, that type is float32
for all threads while a call runs; and two programs that give the same `--out` are told so.
"""


def page() -> str:
    """The whole page."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield INTRODUCTION
    for kind, group in groupby(CALLERS, lambda each: each.kind):
        yield from (f"## {kind}", "", "| caller | what happens |", "|---|---|")
        yield from (f"| {_cell(each.name)} | {_cell(each.outcome)} |" for each in group)
        yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    """Write the page."""
    CALLERS_PAGE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
