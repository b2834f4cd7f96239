"""`interp diff`: what differs between two results, in numbers and in a picture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from interp.cli import flags
from interp.cli.output import columns, number

if TYPE_CHECKING:
    from interp.difference.difference import Difference
    from interp.difference.pair import Pair

MANY = 30
"""Changes and pieces of evidence that are listed."""


def diff(
    before: Path = flags.argument("A", "A folder of interp run, survey or compare."),
    after: Path = flags.argument("B", "Another folder of the same kind."),
    *,
    out: Path | None = flags.option("FILE", "Also write this picture, a .png: A, B and B - A."),
    shell: flags.Shell,
) -> None:
    """Compare two saved results: their requests and their evidence.

    Evidence is matched by its name, layer, target and image. "relative" is the largest difference
    of any number that belongs to it, standard errors included, as a share of the largest such
    number; "largest", "mean" and the rank correlation are the map's alone.

    \b
    Examples
      interp diff first second
      interp diff first second --out apart.png --json
    """
    from interp.difference.difference import difference

    found = difference(before, after)
    if out is not None:
        from interp.difference.picture import draw_difference
        from interp.result.bundle import write_png
        from interp.storage.folder import new_file

        picture = draw_difference(shell.registry, found)
        with new_file(out) as file:
            write_png(file, picture)
    facts = {**found.facts(), "picture": None if out is None else str(out)}
    shell.say(facts, [*lines(found), *([] if out is None else [f"picture: {out}"])])


def lines(found: Difference) -> Iterator[str]:
    """A difference as people read it."""
    yield found.verdict()
    for key, (before, after) in list(found.changes.items())[:MANY]:
        yield f"  {key}: {before} -> {after}"
    if found.same:
        return
    heads = ("evidence", "relative", "largest", "mean", "rank corr.", "R² A", "R² B")
    apart = sorted(found.pairs, key=lambda each: -each.largest)
    yield from columns([heads, *map(_row, apart[:MANY])])
    if len(apart) > MANY:
        yield f"  ... and {len(apart) - MANY} more"


def _row(pair: Pair) -> tuple[str, ...]:
    relative = pair.largest if math.isfinite(pair.largest) else None
    numbers = (relative, *(pair.absolute or (None, None)), pair.correlation, *pair.r2)
    return (pair.name, *("-" if each is None else number(each) for each in numbers))
