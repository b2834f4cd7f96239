"""`interp diff`: what differs between two results, in numbers and in a picture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interp.cli.flags import Json, Registries
from interp.cli.output import columns, number, say

if TYPE_CHECKING:
    from interp.difference.difference import Difference
    from interp.difference.pair import EvidenceDiff

MANY = 30
"""Changes and pieces of evidence that are listed."""


def diff(
    before: Annotated[Path, typer.Argument(metavar="A", help="A folder of run or compare.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="Another one of the same kind.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A picture to write: A, B and B - A.")
    ] = None,
    registry: Registries = None,
    json: Json = False,
) -> None:
    """Compare two results: what was asked otherwise, and how far the evidence lies apart.

    Evidence is matched by its name, layer, target and image. "relative" is the largest difference
    of any number that belongs to it, standard errors included, as a share of the largest such
    number; "largest", "mean" and the rank correlation are the map's alone.

    \b
    Examples
      interp diff first second
      interp diff first second --out apart.png --json
    """
    from interp.difference.difference import difference
    from interp.registry import Registry

    found = difference(before, after)
    if out is not None:
        from interp.difference.picture import draw_difference
        from interp.result.bundle import write_png
        from interp.storage.folder import new_file

        picture = draw_difference(Registry.load(registry or ()), found)
        with new_file(out) as file:
            write_png(file, picture)
    facts = {**found.facts(), "picture": None if out is None else str(out)}
    say(json, facts, [*lines(found), *([] if out is None else [f"picture: {out}"])])


def lines(found: Difference) -> Iterator[str]:
    """A difference as people read it."""
    yield found.verdict()
    for key, (before, after) in list(found.changes.items())[:MANY]:
        yield f"  {key}: {before} -> {after}"
    if found.same:
        return
    heads = ("evidence", "relative", "largest", "mean", "rank corr.", "R² A", "R² B")
    apart = sorted(found.pairs, key=lambda each: -each.largest)
    yield from columns([heads, *(_row(each) for each in apart[:MANY])])
    if len(apart) > MANY:
        yield f"  ... and {len(apart) - MANY} more"


def _row(pair: EvidenceDiff) -> tuple[str, ...]:
    largest, mean = pair.absolute or (None, None)
    relative = pair.largest if math.isfinite(pair.largest) else None
    numbers = (relative, largest, mean, pair.correlation, *pair.r2)
    return (pair.name, *map(_shown, numbers))


def _shown(value: Any) -> str:
    return "-" if value is None else number(value)
