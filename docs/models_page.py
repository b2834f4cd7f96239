"""Writes docs/models.md's table of models that were tried, from what tests/zoo recorded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from reference import written

sys.path.append(str(Path(__file__).parent.parent / "tests"))

from zoo.cells import PASSES
from zoo.record import read
from zoo.specimen import COLUMNS
from zoo.table import ZOO

MODELS = Path(__file__).parent / "models.md"


def table() -> str:
    """The table, a part for each kind of model, and the refusals below it."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    found, refusals = read(), list[str]()
    for kind, group in groupby(ZOO, lambda each: each.kind):
        yield f"| {kind} | {' | '.join(COLUMNS)} |"
        yield "|---" * (1 + len(COLUMNS)) + "|"
        for each in group:
            cells = found.get(each.name, {})
            marks = []
            for column in COLUMNS:
                line = cells.get(column, "not tried")
                if line != PASSES and line not in refusals:
                    refusals.append(line)
                marks.append("yes" if line == PASSES else f"no ({refusals.index(line) + 1})")
            yield f"| {each.name} | {' | '.join(marks)} |"
        yield ""
    yield from (f"{number}. {line}" for number, line in enumerate(refusals, 1))


def main() -> int:
    """Write the page."""
    MODELS.write_text(written(MODELS.read_text("utf-8"), table()), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
