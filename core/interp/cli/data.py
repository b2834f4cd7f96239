"""`interp data`: a registered data set written as images with COCO annotations."""

from __future__ import annotations

from pathlib import Path

from interp.cli import flags
from interp.progress_bar import progress_bar


def write_data(
    name: str = flags.argument("NAME", "A registered data set; see interp list."),
    *,
    out: Path = flags.option("DIR", "Folder to write, new or empty.", default=...),
    count: int = flags.option("N", "Number of images.", default=100, least=1),
    seed: int = flags.option("N", "Random seed: another seed, other images.", default=0, least=0),
    yes: bool = flags.YES,
    shell: flags.Shell,
) -> None:
    """Write a registered data set as images with COCO annotations.

    Examples
      interp data creatures --out creatures --count 1000 --seed 7
    """
    from interp.context import WithinADay
    from interp.dataset import write_coco
    from interp.errors import blamed

    factory = shell.registry.get("dataset", name)
    with blamed(name), progress_bar() as shown:
        progress = shown if yes else WithinADay(shown)
        dataset = factory(count, seed)
        write_coco(dataset, out, lambda done, total: progress(f"writing {out}", done, total))
    facts = {"data": str(out), "count": len(dataset), "seed": seed, "classes": dataset.classes}
    shell.say(facts, [f"{len(dataset)} images of {len(dataset.classes)} classes: {out}"])
