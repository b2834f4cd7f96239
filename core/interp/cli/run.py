"""`interp run` and `interp rerun`: the options become a Request, and interp.run does the work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from interp.cli import flags
from interp.cli.report import report
from interp.errors import InputError

if TYPE_CHECKING:
    from interp.run_folder import FolderRun


def run_method(
    context: typer.Context,
    method: flags.InformedMethod,
    images: flags.Images,
    model: flags.Model,
    work: flags.SharedWork,
    folder: flags.Folder,
    shell: flags.Shell,
) -> None:
    """Explain images by one method, and save a folder of results.

    Every parameter of the method is an option too: interp show NAME lists them. With --data, each
    image of a folder gets a folder of its own below --out, and index.html shows them all. The same
    command with the same --out goes on where it was stopped.

    \b
    Examples
      interp run --plugin mint
      interp run --plugin mint --image photo.jpg --model torchvision:resnet18
      interp run --plugin mint --target "dog, not cat" --regions 2 --out first
      interp run --plugin rise --until stable
      interp run --plugin gradcam --data photos --limit 100 --shard 0/2 --out all
    """
    from interp.opening.named import default_model
    from interp.request import Request

    request = Request(
        method=method.plugin,
        model=model.model or default_model(shell.registry, method.plugin),
        options=model.options(),
        params=method.params(shell.registry, context),
        knowledge=method.knowledge,
        seed=work.seed,
        budget=work.budget(work.shard),
        **images.given(),
    )
    if request.data is None:
        if images.limit or work.shard:
            raise InputError("--limit and --shard are for many images; name a folder with --data")
        from interp.run import run

        place = folder.place(request.method, request.images[0])
        with shell.session() as session:
            result = run(request, session, out=place)
        report(result, shell)
        return
    if work.shard and folder.out is None:
        raise InputError("--shard fills a folder that others fill too; name it with --out")
    from interp.report import write_index
    from interp.run_folder import run_folder

    place = folder.place(request.method, request.data)
    with shell.session() as session:
        found = run_folder(request, place, session, limit=images.limit)
        write_index(session.registry, found)
    shell.say({"folder": str(found.folder), **found.facts()}, _folder_lines(found))


def _folder_lines(found: FolderRun) -> Iterator[str]:
    yield (
        f"{found.request.method} on {found.request.model}: {len(found.entries)} of {found.total} "
        "images are whole"
    )
    yield from (f"failed on {name}: {reason}" for name, reason in found.failed.items())
    yield from (f"note: {each}" for each in found.notes)
    yield f"gallery: {found.folder}/index.html"


def rerun(
    bundle: Path = flags.argument("FOLDER", "A folder of interp run, survey or compare."),
    *,
    model: str | None = flags.option(
        "MODEL", "Where the same model is now. [default: where it was]"
    ),
    out: Path | None = flags.option(
        "DIR", "Save the repetition in this folder, new or empty. [default: save nothing]"
    ),
    shell: flags.Shell,
) -> int:
    """Repeat a saved result, and say whether it comes out the same.

    The images are in the folder; the model is opened again and must be the same one. The exit
    code is 0 if every number is the same up to 1e-5 of the largest, else 1.

    \b
    Examples
      interp rerun first
      interp rerun first --out second
    """
    from interp.cli.diff import lines
    from interp.difference.rerun import rerun as work

    with shell.session(model) as session:
        found = work(bundle, session, out=out)
    facts = {"bundle": str(out) if out else None, "notes": found.notes, **found.difference.facts()}
    notes = [f"note: {each}" for each in found.notes]
    shell.say(facts, [*lines(found.difference), *notes, *([f"bundle: {out}"] if out else [])])
    return 0 if found.same else 1
