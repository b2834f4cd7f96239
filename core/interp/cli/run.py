"""`interp run` and `interp rerun`: flags become a Request, and the one road does the work."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interp.cli.extra import own_flags, parameters
from interp.cli.flags import (
    BatchSize,
    Classes,
    Device,
    Images,
    Input,
    Json,
    Known,
    Limit,
    Model,
    Plugin,
    Precision,
    Registries,
    Seed,
    Set,
    Weights,
    model_options,
)
from interp.cli.progress import progress_bar
from interp.cli.report import report
from interp.cli.setting import budget
from interp.errors import InputError

if TYPE_CHECKING:
    from interp.registry import Registry
    from interp.request import Request

FOLDER = Path("interp-runs")

Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help=f"A new folder. [default: {FOLDER}/TIME-METHOD-IMAGE]"),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on from where an interrupted run with this --out was.")
]


def run_request(
    context: typer.Context,
    plugin: Plugin,
    image: Images = None,
    model: Model = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CLASS",
            help="A class by name or index, or 'dog, not cat'; repeatable. [default: top-1]",
        ),
    ] = None,
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
    batch_size: BatchSize = None,
    resume: Resume = False,
    registry: Registries = None,
    json: Json = False,
) -> None:
    """Explain images by one method; saves a folder.

    Every parameter of the method is an option too: interp show NAME lists them.

    \b
    Examples
      interp run --plugin mint
      interp run --plugin mint --image photo.jpg --model torchvision:resnet18 --target "tiger cat"
      interp run --plugin mint --regions 2 --budget 2000 --out first
    """
    from interp.registry import Registry
    from interp.request import Request

    known = Registry.load(registry or ())

    asked: dict[str, Any] = {"images": image, "model": model, "targets": target}
    request = Request(
        method=plugin,
        options=model_options(weights, fields, classes, device, precision),
        params=parameters(known, plugin, set_ or (), context.args, own_flags(context)),
        knowledge=knowledge,
        seed=seed,
        budget=budget(limit, batch_size),
        **{key: value for key, value in asked.items() if value is not None},
    )
    _run(request, known, out, resume, json)


def rerun(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A folder that run wrote.")],
    out: Out = None,
    registry: Registries = None,
    json: Json = False,
) -> None:
    """Repeat the run that a folder holds.

    \b
    Examples
      interp rerun first --out second
    """
    from interp.bundle import open_bundle
    from interp.registry import Registry

    request, _ = open_bundle(bundle)
    _run(request, Registry.load(registry or ()), out, resume=False, as_json=json)


def _run(request: Request, known: Registry, out: Path | None, resume: bool, as_json: bool) -> None:
    if resume and out is None:
        raise InputError("--resume goes on with a run of yours; name its folder with --out")
    from interp.run import run

    known.entry("method", request.method)
    with progress_bar() as progress:
        result = run(
            request,
            registry=known,
            out=out or new_name(request),
            resume=resume,
            progress=progress,
        )
    report(result, as_json)


def new_name(request: Request) -> Path:
    """A new folder named after the time, the method and the first image."""
    stem = Path(request.images[0]).stem if request.images else "none"
    name = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{request.method}-{stem}"
    numbered = (FOLDER / (f"{name}-{count}" if count else name) for count in range(1000))
    return next(each for each in numbered if not each.exists())
