"""`interp data`: a registered data set written as images with COCO annotation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interp.cli.flags import Json, Registries
from interp.cli.output import say
from interp.cli.progress import progress_bar


def write_data(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A registered data set.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder.")],
    count: Annotated[int, typer.Option(min=1, help="How many images.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other images.")] = 0,
    registry: Registries = None,
    json: Json = False,
) -> None:
    """Write a data set's images with COCO JSON.

    \b
    Examples
      interp data creatures --out creatures --count 1000 --seed 7
    """
    from interp.dataset import write_coco
    from interp.errors import blamed
    from interp.registry import Registry

    factory = Registry.load(registry or ()).get("dataset", name)
    with blamed(name), progress_bar() as progress:
        dataset = factory(count, seed)
        write_coco(dataset, out, lambda done, total: progress(f"writing {out}", done, total))
    facts = {"data": str(out), "count": len(dataset), "seed": seed, "classes": dataset.classes}
    say(json, facts, [f"{len(dataset)} images of {len(dataset.classes)} classes: {out}"])
