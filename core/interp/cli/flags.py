"""Options that several commands share, in groups that become what the commands work with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from interp.cli import parse
from interp.cli.method_option import choices, parameters
from interp.cli.output import say
from interp.cli.progress import progress_bar
from interp.errors import InputError

if TYPE_CHECKING:
    from interp.context import Budget
    from interp.registry import Registry
    from interp.request import Choice
    from interp.session import Session
    from interp.spec import ModelOptions

FOLDER = Path("interp-runs")
"""Where results go if --out does not say."""

method_option = partial(typer.Option, rich_help_panel="Method")
metric_option = partial(typer.Option, rich_help_panel="Metric")
image_option = partial(typer.Option, rich_help_panel="Images")
model_option = partial(typer.Option, rich_help_panel="Model")
work_option = partial(typer.Option, rich_help_panel="Computation")
output_option = partial(typer.Option, rich_help_panel="Output")

Plugins = Annotated[
    str,
    method_option(
        "--plugins",
        "--methods",
        metavar="NAME,...",
        help="The methods, separated by commas; see interp list.",
    ),
]
Set = Annotated[
    list[str] | None,
    method_option("--set", metavar="KEY=VALUE", help="Set a parameter of the method; repeatable."),
]
KnowledgeFolder = Annotated[
    str | None,
    method_option(
        "--knowledge",
        metavar="DIR",
        help="What the method learned: a folder of interp fit. [default: what is shipped, if any]",
    ),
]
Images = Annotated[
    list[str] | None,
    image_option(
        "--image",
        metavar="IMAGE",
        help="An image file, or the name of a registered sample; repeatable. [default: sample]",
    ),
]
LabelledData = Annotated[
    str,
    image_option(
        "--data",
        metavar="DIR",
        help="Labelled images: one folder per class, or images/ with annotations.json (COCO).",
    ),
]
Model = Annotated[
    str | None,
    model_option(
        metavar="MODEL",
        help="A registered name, torchvision:NAME, file.onnx, file.pt2, package.module:factory or "
        "a folder of interp fit. [default: a small shipped network]",
    ),
]
ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A registered name, torchvision:NAME, file.onnx, file.pt2, package.module:factory or "
        "a folder of interp fit.",
    ),
]
Seed = Annotated[
    int,
    work_option(min=0, metavar="N", help="Random seed: the same seed gives the same result."),
]
Amount = Annotated[
    str | None,
    work_option(
        "--budget",
        metavar="N|TIME",
        help="How much to compute for an explanation: samples (2000) or time (30s, 2m, 1h). "
        "[default: the method's own number of samples]",
    ),
]
BatchSize = Annotated[
    int | None,
    work_option(
        min=1, metavar="N", help="Images in one forward pass. [default: the fastest, measured]"
    ),
]
Shard = Annotated[
    str | None,
    work_option(
        "--shard",
        metavar="I/N",
        help="Do only part I of N, counted from 0, so that several processes share the work.",
    ),
]
Out = Annotated[
    Path | None,
    output_option(
        metavar="DIR", help=f"Folder to write, new or empty. [default: {FOLDER}/TIME-...]"
    ),
]
Resume = Annotated[
    bool,
    output_option("--resume", help="Accepted; the same command with --out goes on by itself."),
]


def new_name(what: str, subject: str) -> Path:
    """A new folder named after the time, what is done and to what."""
    name = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{what}-{Path(subject).stem}"
    numbered = (FOLDER / (f"{name}-{count}" if count else name) for count in range(1000))
    return next(each for each in numbered if not each.exists())


@dataclass(frozen=True)
class GlobalFlags:
    """Options of every command: which registry to use, and how to print."""

    registries: Annotated[
        list[Path] | None,
        typer.Option(
            "--registry",
            metavar="FILE",
            help="A registry.yaml to add to the installed; repeatable.",
        ),
    ] = None
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False

    @cached_property
    def registry(self) -> Registry:
        """What is registered, with the files of --registry."""
        from interp.registry import Registry

        return Registry.load(self.registries or ())

    @contextmanager
    def session(self, model: object = None) -> Iterator[Session]:
        """The session of a command, with a progress bar on a terminal."""
        from interp.session import Session

        with progress_bar() as progress:
            yield Session(self.registry, model, progress)

    def say(self, facts: dict[str, Any], lines: Iterable[str]) -> None:
        """Print `facts` with --json, or else the lines."""
        say(self.json, facts, lines)


@dataclass(frozen=True)
class MethodFlags:
    """One method, and its parameters."""

    plugin: Annotated[
        str,
        method_option("--plugin", "--method", metavar="NAME", help="The method; see interp list."),
    ]
    set_: Set = None

    def params(self, registry: Registry, context: typer.Context) -> dict[str, Any]:
        """The parameters that --set and options of the method's own set."""
        own = [name for each in context.command.params for name in each.opts]
        return parameters(registry, self.plugin, self.set_ or (), context.args, own)


@dataclass(frozen=True)
class MethodsFlags:
    """Several methods, each with parameters and knowledge of its own."""

    plugins: Plugins
    set_: Annotated[
        list[str] | None,
        method_option(
            "--set", metavar="METHOD.KEY=VALUE", help="Set a parameter of a method; repeatable."
        ),
    ] = None
    knowledge: Annotated[
        list[str] | None,
        method_option(
            metavar="METHOD=DIR",
            help="What a method learned: a folder of interp fit; repeatable. "
            "[default: what is shipped, if any]",
        ),
    ] = None

    def choices(self, registry: Registry) -> tuple[Choice, ...]:
        """The methods as a request names them. Raises RegistryError, InputError."""
        return choices(registry, "method", self.plugins, "--set", self.set_, self.knowledge)


@dataclass(frozen=True)
class ImageFlags:
    """Which images, and what is explained about them."""

    image: Images = None
    data: Annotated[
        str | None,
        image_option(
            metavar="DIR",
            help="A folder of images: flat, one folder per class, or images/ with "
            "annotations.json (COCO).",
        ),
    ] = None
    limit: Annotated[
        int | None,
        image_option(min=1, metavar="N", help="Only the first N images of --data. [default: all]"),
    ] = None
    target: Annotated[
        list[str] | None,
        image_option(
            metavar="CLASS",
            help="The class to explain, by name or index, or a difference: 'dog, not cat'; "
            "repeatable. [default: the model's top class]",
        ),
    ] = None

    def requested(self) -> dict[str, Any]:
        """The fields of a request that were given. Raises InputError for --image with --data."""
        if self.data is not None and self.image:
            raise InputError("found both --image and --data; give one of them")
        given = {"images": self.image, "data": self.data, "targets": self.target}
        return {key: value for key, value in given.items() if value is not None}


@dataclass(frozen=True)
class FileFlags:
    """What a model's file does not say, or says wrongly."""

    weights: Annotated[
        str | None,
        model_option(
            metavar="FILE",
            help="Weights for a factory, .safetensors or .pth. [default: those it builds with]",
        ),
    ] = None
    fields: Annotated[
        list[str] | None,
        model_option(
            "--input",
            metavar="FIELDS",
            help="Input size and preprocessing, e.g. size=224,resize=crop,mean=.5,.5,.5. "
            "[default: as the model says]",
        ),
    ] = None
    classes: Annotated[
        str | None,
        model_option(
            metavar="FILE",
            help="Class names, one a line, or a .tsv file. [default: as the model says]",
        ),
    ] = None

    def options(self, **more: str | None) -> ModelOptions:
        """What was given, as the options of a model."""
        from interp.spec import ModelOptions

        given: dict[str, Any] = {
            "weights": self.weights,
            "input": parse.input_fields(",".join(self.fields)) if self.fields else None,
            "classes": self.classes,
            **more,
        }
        return ModelOptions(**{key: value for key, value in given.items() if value is not None})


@dataclass(frozen=True)
class ModelFlags(FileFlags):
    """How a model is opened: what its file does not say, where it runs, and how precisely."""

    device: Annotated[
        str | None,
        model_option(metavar="DEVICE", help="cpu, cuda or cuda:1. [default: cuda if there is one]"),
    ] = None
    precision: Annotated[
        Literal["fp32", "bf16", "fp16"] | None,
        model_option(help="Floating-point precision of forward passes. [default: fp32]"),
    ] = None

    def options(self, **more: str | None) -> ModelOptions:
        """What was given, as the options of a model."""
        return super().options(device=self.device, precision=self.precision, **more)


@dataclass(frozen=True)
class BudgetFlags:
    """How much is computed for an explanation, and with which seed."""

    amount: Amount = None
    until: Annotated[
        Literal["samples", "stable"],
        work_option(
            help="When to stop: after the budget's samples, or once the explanation has settled, "
            "with more samples than usual if need be."
        ),
    ] = "samples"
    batch_size: BatchSize = None
    seed: Seed = 0

    def budget(self, shard: str | None = None) -> Budget:
        """The budget of a request. Raises InputError for text that is none."""
        found = parse.budget(self.amount, self.batch_size, self.until)
        return found.model_copy(update={"shard": parse.shard(shard)})


@dataclass(frozen=True)
class FolderFlags:
    """The folder that a command writes."""

    out: Out = None
    resume: Resume = False

    def folder(self, what: str, subject: str) -> Path:
        """--out, or a new name. Raises InputError for --resume without a folder to go on with."""
        if self.resume and self.out is None:
            raise InputError("--resume goes on with a run of yours; name its folder with --out")
        return self.out or new_name(what, subject)
