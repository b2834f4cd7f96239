"""`interp run` and `interp rerun`: flags become a Request, and the one road does the work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interp.cli.extra import own_flags, parameters
from interp.cli.flags import (
    BatchSize,
    Classes,
    Data,
    Device,
    First,
    Images,
    Input,
    Json,
    Known,
    Limit,
    Model,
    Out,
    Plugin,
    Precision,
    Registries,
    Seed,
    Set,
    Shard,
    Targets,
    Until,
    Weights,
    default_model,
    model_options,
    new_name,
)
from interp.cli.output import say
from interp.cli.parse import budget, shard
from interp.cli.progress import progress_bar
from interp.cli.report import report
from interp.errors import InputError

if TYPE_CHECKING:
    from interp.registry import Registry
    from interp.request import Request
    from interp.run_folder import FolderRun

Resume = Annotated[
    bool, typer.Option("--resume", help="Go on from where an interrupted run with this --out was.")
]


def run_request(
    context: typer.Context,
    plugin: Plugin,
    image: Images = None,
    model: Model = None,
    target: Targets = None,
    data: Data = None,
    set_: Set = None,
    weights: Weights = None,
    fields: Input = None,
    classes: Classes = None,
    device: Device = None,
    precision: Precision = None,
    knowledge: Known = None,
    out: Out = None,
    seed: Seed = 0,
    limit: Limit = None,
    until: Until = "samples",
    batch_size: BatchSize = None,
    first: First = None,
    shard_: Shard = None,
    resume: Resume = False,
    registry: Registries = None,
    json: Json = False,
) -> None:
    """Explain images by one method; saves a folder.

    Every parameter of the method is an option too: interp show NAME lists them. With --data, every
    image of a folder gets a folder of its own below --out, and index.html shows them all; the same
    command goes on where it was stopped.

    \b
    Examples
      interp run --plugin mint
      interp run --plugin mint --image photo.jpg --model torchvision:resnet18 --target "tiger cat"
      interp run --plugin mint --regions 2 --budget 2000 --out first
      interp run --plugin rise --until stable
      interp run --plugin gradcam --data DIR --limit 100 --shard 0/2 --out all
    """
    from interp.registry import Registry
    from interp.request import Request

    known = Registry.load(registry or ())

    asked: dict[str, Any] = {"images": image, "targets": target}
    request = Request(
        method=plugin,
        model=model or default_model(known, plugin),
        options=model_options(weights, fields, classes, device, precision),
        params=parameters(known, plugin, set_ or (), context.args, own_flags(context)),
        knowledge=knowledge,
        seed=seed,
        data=data,
        budget=budget(limit, batch_size, until).model_copy(update={"shard": shard(shard_)}),
        **{key: value for key, value in asked.items() if value is not None},
    )
    if data is None and (first or shard_):
        raise InputError("--limit and --shard are for many images; name a folder with --data")
    if data is not None and image:
        raise InputError("found both --image and --data; give one of them")
    if data is not None:
        _run_folder(request, known, out, first, json)
    else:
        _run(request, known, out, resume, json)


def rerun(
    bundle: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="What run, survey or compare wrote.")
    ],
    model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Where the same model lies now. [default: as it was]"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the repetition in this new folder.")
    ] = None,
    registry: Registries = None,
    json: Json = False,
) -> int:
    """Repeat what a folder holds, and say whether it comes out the same.

    The images are in the folder; the model is opened again and must be the same one. The exit
    code is 0 if every number is the same up to 1e-5 of the largest, else 1.

    \b
    Examples
      interp rerun first
      interp rerun first --out second
    """
    from interp.cli.diff import lines
    from interp.difference.rerun import rerun as work
    from interp.registry import Registry
    from interp.session import Session

    with progress_bar() as progress:
        session = Session(Registry.load(registry or ()), model, progress)
        found = work(bundle, session, out=out)
    facts = {"bundle": str(out) if out else None, "notes": found.notes, **found.difference.facts()}
    notes = [f"note: {each}" for each in found.notes]
    say(json, facts, [*lines(found.difference), *notes, *([f"bundle: {out}"] if out else [])])
    return 0 if found.same else 1


def _run(request: Request, known: Registry, out: Path | None, resume: bool, as_json: bool) -> None:
    if resume and out is None:
        raise InputError("--resume goes on with a run of yours; name its folder with --out")
    from interp.run import run
    from interp.session import Session

    known.entry("method", request.method)
    with progress_bar() as progress:
        name = request.images[0] if request.images else "none"
        place = out or new_name(request.method, name)
        result = run(request, Session(known, progress=progress), out=place)
    report(result, as_json)


def _run_folder(
    request: Request, known: Registry, out: Path | None, limit: int | None, as_json: bool
) -> None:
    from interp.report.page import write_index
    from interp.run_folder import run_folder
    from interp.session import Session

    if request.budget.shard is not None and out is None:
        raise InputError("--shard fills a folder that others fill too; name it with --out")
    with progress_bar() as progress:
        place = out or new_name(request.method, str(request.data))
        found = run_folder(request, place, Session(known, progress=progress), limit=limit)
        write_index(known, found)
    say(as_json, {"folder": str(found.folder), **found.facts()}, _folder_lines(found))


def _folder_lines(found: FolderRun) -> Iterator[str]:
    yield (
        f"{found.request.method} on {found.request.model}: {len(found.entries)} of {found.total} "
        "images are whole"
    )
    yield from (f"failed on {name}: {reason}" for name, reason in found.failed.items())
    yield from (f"note: {each}" for each in found.notes)
    yield f"gallery: {found.folder}/index.html"
