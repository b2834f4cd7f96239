"""Flags that several commands share, and what they become."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from interp.cli.parse import input_fields

if TYPE_CHECKING:
    from interp.registry import Registry
    from interp.spec import ModelOptions

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Registries = Annotated[
    list[Path] | None,
    typer.Option("--registry", metavar="FILE", help="A registry.yaml to add; repeatable."),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="A registered name, torchvision:NAME, file.onnx, file.pt2, package.module:factory or "
        "a folder. [default: a small network that is shipped]",
    ),
]
Images = Annotated[
    list[str] | None,
    typer.Option(
        "--image",
        metavar="IMAGE",
        help="A file or a registered sample; repeatable. [default: sample]",
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Weights of a factory: .safetensors or .pth."),
]
Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="FIELDS",
        help="How an image becomes the input, e.g. size=224,resize=crop,mean=.5,.5,.5",
    ),
]
Classes = Annotated[
    str | None, typer.Option(metavar="FILE", help="Class names: one a line, or .tsv.")
]
Device = Annotated[
    str | None, typer.Option(metavar="DEVICE", help="cpu, cuda or cuda:1. [default: cuda if there]")
]
Precision = Annotated[
    Literal["fp32", "bf16", "fp16"] | None, typer.Option(help="Of forward passes.")
]

Plugin = Annotated[str, typer.Option(metavar="NAME", help="A method; see interp list.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A parameter of the method; repeatable."),
]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same answer.")]
Limit = Annotated[
    str | None,
    typer.Option("--budget", metavar="N|TIME", help="Samples (2000) or time (30s, 2m)."),
]
Until = Annotated[
    Literal["samples", "stable"],
    typer.Option(
        help="stable: stop once the answer has settled, after more samples than usual if need be."
    ),
]
BatchSize = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="[default: the fastest, measured]")
]
Known = Annotated[
    str | None,
    typer.Option("--knowledge", metavar="DIR", help="What the method learned before: interp fit."),
]

Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        metavar="CLASS",
        help="A class by name or index, or 'dog, not cat'; repeatable. [default: top-1]",
    ),
]
Data = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="A folder of images, of class folders or in COCO's format."),
]
First = Annotated[
    int | None, typer.Option("--limit", min=1, metavar="N", help="The first N images of --data.")
]
Shard = Annotated[
    str | None,
    typer.Option("--shard", metavar="I/N", help="Only part I of N, from 0, for several processes."),
]
FOLDER = Path("interp-runs")
Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help=f"A new folder. [default: {FOLDER}/TIME-METHOD-IMAGE]"),
]


def new_name(what: str, subject: str) -> Path:
    """A new folder named after the time, what is done and to what."""
    name = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{what}-{Path(subject).stem}"
    numbered = (FOLDER / (f"{name}-{count}" if count else name) for count in range(1000))
    return next(each for each in numbered if not each.exists())


def default_model(registry: Registry, method: str) -> str:
    """The model that a method explains where none is named."""
    from interp.registry.manifest import MethodEntry
    from interp.request import DEFAULT_MODEL

    entry = registry.entry("method", method)
    own = entry.model if isinstance(entry, MethodEntry) else None
    return own or DEFAULT_MODEL


def model_options(
    weights: str | None,
    fields: list[str] | None,
    classes: str | None,
    device: str | None,
    precision: str | None,
) -> ModelOptions:
    """What the user said about the model; what was not said stays at its default."""
    from interp.spec import ModelOptions

    said: dict[str, Any] = {
        "weights": weights,
        "input": input_fields(",".join(fields)) if fields else None,
        "classes": classes,
        "device": device,
        "precision": precision,
    }
    return ModelOptions(**{key: value for key, value in said.items() if value is not None})
