"""`interp diff` and `interp rerun`: what differs between two results, or when one is repeated."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from interp.cli import flags
from interp.cli.column import columns
from interp.cli.output import number

if TYPE_CHECKING:
    from interp.difference.difference import Difference, FolderDifference
    from interp.difference.pair import EvidenceDiff

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
    number; "largest", "mean" and the rank correlation are the map's alone. Two runs on a folder of
    images are compared image by image.

    Examples
      interp diff first second
      interp diff first second --out apart.png --json
    """
    from interp.difference.difference import difference

    found = difference(before, after, shell.registry)
    if out is not None:
        from interp.difference.picture import draw_difference
        from interp.result.stored_image import write_png
        from interp.storage.folder import new_file

        picture = draw_difference(shell.registry, found)
        with new_file(out) as file:
            write_png(file, picture)
    facts = {**found.facts(), "picture": None if out is None else str(out)}
    shell.say(facts, [*_lines(found), *([] if out is None else [f"picture: {out}"])])


def rerun(
    bundle: Path = flags.argument("FOLDER", "A folder of interp run, survey or compare."),
    *,
    model: str | None = flags.option(
        "MODEL", "Where the same model is now. [default: where it was]"
    ),
    image: list[str] | None = flags.option(
        "FILE",
        "Where the explained image is now, where the result holds a smaller copy; repeatable.",
    ),
    data: str | None = flags.option(
        "PATH", "Where the images of a run on a folder of images are now."
    ),
    out: Path | None = flags.option(
        "DIR", "Save the repetition in this folder, new or empty. [default: save nothing]"
    ),
    shell: flags.Shell,
) -> int:
    """Repeat a saved result, and say whether it comes out the same.

    The images are in the folder, but for large ones and those of a whole run on a folder of
    images, which are read again; the model is opened again and must be the same one. The exit
    code is 0 if every number is the same up to 1e-5 of the largest, else 1.

    Examples
      interp rerun first
      interp rerun first --out second
      interp rerun explained
      interp rerun explained/00017-cat --image moved/cat.jpg
    """
    from interp.difference.rerun import rerun as work

    with shell.session(model) as session:
        found = work(bundle, session, out=out, images=image or (), data=data)
    facts = {"bundle": str(out) if out else None, "notes": found.notes, **found.difference.facts()}
    notes = [f"note: {each}" for each in found.notes]
    shell.say(facts, [*_lines(found.difference), *notes, *([f"bundle: {out}"] if out else [])])
    return 0 if found.same else 1


def _lines(found: Difference | FolderDifference) -> Iterator[str]:
    """A difference as people read it."""
    from interp.difference.difference import Difference
    from interp.short import setting_words

    yield found.verdict()
    for key, sides in list(found.changes.items())[:MANY]:
        yield f"  {key}: {' -> '.join(map(setting_words, sides))}"
    if found.same:
        return
    table = _evidence_rows(found) if isinstance(found, Difference) else _image_rows(found)
    heads, *rows = table
    yield from columns([heads, *rows[:MANY]])
    if len(rows) > MANY:
        yield f"  ... and {len(rows) - MANY} more"


def _image_rows(found: FolderDifference) -> Iterator[tuple[str, ...]]:
    yield "result", "relative", "most in"
    for name, each in sorted(found.images.items(), key=lambda item: -item[1].largest):
        relative = number(each.largest) if math.isfinite(each.largest) else "-"
        yield name, relative, each.most


def _evidence_rows(found: Difference) -> Iterator[tuple[str, ...]]:
    yield "evidence", "relative", "largest", "mean", "rank corr.", "R² A", "R² B"
    yield from map(_row, sorted(found.pairs, key=lambda each: -each.largest))


def _row(pair: EvidenceDiff) -> tuple[str, ...]:
    relative = pair.largest if math.isfinite(pair.largest) else None
    numbers = (relative, *(pair.absolute or (None, None)), pair.correlation, *pair.r2)
    return (pair.name, *("-" if each is None else number(each) for each in numbers))
