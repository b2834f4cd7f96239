"""`interp data`: a registered data set written as images with COCO annotations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interp.cli.flags import GlobalFlags
from interp.cli.progress import progress_bar


def write_data(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A registered data set; see interp list.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write, new or empty.")],
    *,
    count: Annotated[int, typer.Option(min=1, metavar="N", help="Number of images.")] = 100,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Random seed: another seed, other images.")
    ] = 0,
    flags: GlobalFlags,
) -> None:
    """Write a registered data set as images with COCO annotations.

    \b
    Examples
      interp data creatures --out creatures --count 1000 --seed 7
    """
    from interp.dataset import write_coco
    from interp.errors import blamed

    factory = flags.registry.get("dataset", name)
    with blamed(name), progress_bar() as progress:
        dataset = factory(count, seed)
        write_coco(dataset, out, lambda done, total: progress(f"writing {out}", done, total))
    facts = {"data": str(out), "count": len(dataset), "seed": seed, "classes": dataset.classes}
    flags.say(facts, [f"{len(dataset)} images of {len(dataset.classes)} classes: {out}"])
