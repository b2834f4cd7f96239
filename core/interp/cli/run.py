"""`interp run` and `interp rerun`: flags become a Request, and the one road does the work."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interp.cli.flags import (
    Classes,
    Device,
    Images,
    Input,
    Json,
    Model,
    Precision,
    Registries,
    Weights,
    model_options,
)
from interp.cli.progress import progress_bar
from interp.cli.report import report
from interp.cli.setting import budget as parse_budget
from interp.cli.setting import settings
from interp.errors import InputError

if TYPE_CHECKING:
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
    plugin: Annotated[str, typer.Option(metavar="NAME", help="A method; see interp list.")],
    image: Images = None,
    model: Model = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CLASS",
            help="A class by name or index, or 'dog, not cat'; repeatable. [default: top-1]",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A parameter of the method; repeatable."),
    ] = None,
    weights: Weights = None,
    fields: Input = None,
    classes: Classes = None,
    device: Device = None,
    precision: Precision = None,
    knowledge: Annotated[
        str | None, typer.Option(metavar="DIR", help="What the method learned before.")
    ] = None,
    out: Out = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same answer.")] = 0,
    budget: Annotated[
        str | None, typer.Option(metavar="N|TIME", help="Samples (2000) or time (30s, 2m).")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="[default: the fastest, measured]")
    ] = None,
    resume: Resume = False,
    registry: Registries = None,
    json: Json = False,
) -> None:
    """Explain images by one method; saves a folder.

    \b
    Examples
      interp run --plugin mint
      interp run --plugin mint --image photo.jpg --model torchvision:resnet18 --target "tiger cat"
      interp run --plugin mint --set regions=2 --budget 2000 --out first
    """
    from interp.request import Request

    asked: dict[str, Any] = {"images": image, "model": model, "targets": target}
    request = Request(
        method=plugin,
        options=model_options(weights, fields, classes, device, precision),
        params=settings(set_ or ()),
        knowledge=knowledge,
        seed=seed,
        budget=parse_budget(budget, batch_size),
        **{key: value for key, value in asked.items() if value is not None},
    )
    _run(request, registry, out, resume, json)


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

    request, _ = open_bundle(bundle)
    _run(request, registry, out, resume=False, as_json=json)


def _run(
    request: Request, registry: Registries, out: Path | None, resume: bool, as_json: bool
) -> None:
    if resume and out is None:
        raise InputError("--resume goes on with a run of yours; name its folder with --out")
    from interp.registry import Registry
    from interp.run import run

    known = Registry.load(registry or ())
    known.entry("method", request.method)
    with progress_bar() as progress:
        result = run(
            request,
            registry=known,
            out=out or _folder(request),
            resume=resume,
            progress=progress,
        )
    report(result, as_json)


def _folder(request: Request) -> Path:
    """A new folder named after the time, the method and the first image."""
    stem = Path(request.images[0]).stem if request.images else "none"
    name = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{request.method}-{stem}"
    numbered = (FOLDER / (f"{name}-{count}" if count else name) for count in range(1000))
    return next(each for each in numbered if not each.exists())
