"""Options that commands share: single ones, and groups that become what the commands work with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from interp.cli import parse
from interp.cli.output import say
from interp.cluster.pool import Pool, ThisProcess
from interp.cluster.ray_pool import RayPool
from interp.context import Budget
from interp.errors import Cancelled, InputError
from interp.plain_text import HIDDEN
from interp.progress_bar import progress_bar
from interp.registry import Registry
from interp.request import DEFAULT_MODEL, Choice
from interp.spec import ModelOptions, Pixels

if TYPE_CHECKING:
    from interp.session import Session

FOLDER = Path("interp-runs")
"""Where results go if --out does not say."""


def option(
    metavar: str | None,
    text: str,
    *names: str,
    default: Any = None,
    least: float | None = None,
    panel: str | None = None,
) -> Any:
    """An option with its help; with `default=...` the user must give it.

    `least` is the smallest number allowed, `panel` the heading in the help.
    """
    return typer.Option(
        default, *names, metavar=metavar, help=text, min=least, rich_help_panel=panel
    )


def argument(metavar: str, text: str, default: Any = ...) -> Any:
    """An argument without a name, and its help."""
    return typer.Argument(default, metavar=metavar, help=text)


method_option = partial(option, panel="Method")
metric_option = partial(option, panel="Metric")
image_option = partial(option, panel="Images")
model_option = partial(option, panel="Model")
work_option = partial(option, panel="Computation")
output_option = partial(option, panel="Output")

A_MODEL = (
    "A registered name, torchvision:NAME, timm:NAME, hf:FOLDER-or-NAME, file.onnx, file.pt2, "
    "file.pt (TorchScript), package.module:factory, callable:module:function, "
    "http://HOST:PORT/PATH or a folder of interp fit; arguments follow as in "
    "timm:NAME@num_classes=10."
)
LEARNED = "What {} learned: a folder of interp fit{}. [default: what is shipped, if any]"

MODEL_ARGUMENT = argument("MODEL", A_MODEL, default=None)
MODEL_OPTION = model_option("MODEL", "The model, where it is no argument.", "--model")
SET = method_option("KEY=VALUE", "Set a parameter of the method; repeatable.", "--set")
LABELLED_DATA = image_option(
    "PATH|NAME",
    "Labelled images: one folder per class, COCO, Pascal VOC, a table of paths and labels (.csv, "
    ".parquet), .npz, a folder of datasets, or a registered data set; see interp list readers.",
    default=...,
)
EVALUATED_DATA = image_option(
    "PATH|NAME",
    "Labelled images: one folder per class, COCO, Pascal VOC, a table of paths and labels (.csv, "
    ".parquet), .npz, a folder of datasets, or a registered data set; see interp list readers.",
    default="creatures",
)
EVALUATED_CLASS = image_option(
    None, "Explain each image's own class, or the model's top class.", default="true"
)
methods_named = partial(
    method_option,
    "NAME,...",
    "The methods, separated by commas; see interp list.",
    *("--plugins", "--methods"),
)
IMAGE = image_option(
    "IMAGE",
    "An image file (scan.tif#2 is its second page), or the name of a registered sample; "
    "repeatable. [default: sample]",
)
TARGET = image_option(
    "CLASS",
    "The class to explain, by name or index, or a difference: 'dog, not cat'; repeatable; "
    "name:3 or index:3 where classes are called by numbers. [default: the model's top class]",
)
AMOUNT = work_option(
    "N|TIME",
    "Limit for each explanation or fit: samples (2000) or time (30s, 2m, 1h). "
    "[default: the method's own number of samples]",
    "--budget",
)
BATCH_SIZE = work_option("N", "Images in one forward pass. [default: the fastest]", least=1)
SEED = work_option("N", "Random seed: the same seed gives the same result.", default=0, least=0)
YES = work_option(
    None, "Start work that takes more than a day on this machine.", "--yes", default=False
)
SHARD = work_option(
    "I/N", "Do only part I of N, counted from 0, so that several processes share the work."
)
OUT = output_option("DIR", f"Folder to write, new or empty. [default: {FOLDER}/TIME-...]")
REQUIRED_OUT = output_option("DIR", "Folder to write, new or empty.", default=...)
NO_PICTURES = output_option(
    None,
    "Of --data, draw no evidence and write no gallery: numbers and maps alone, which is faster.",
    "--no-pictures",
    default=False,
)
LAYOUT = output_option(
    None,
    "Of --data, a folder for each image, or parts that hold some hundred images each. [default: as "
    "it was begun, else parts from 1,000 images on]",
    "--layout",
)
FULL_MAPS = output_option(
    None,
    "Keep a map's value at each of the image's pixels, and large images whole.",
    "--full-maps",
    default=False,
)
RESUME = output_option(
    None, "Accepted; the same command with --out goes on by itself.", "--resume", default=False
)


def new_name(what: str, subject: str) -> Path:
    """A new folder named after the time, what is done and to what."""
    stem = HIDDEN.sub("", Path(subject).stem)
    name = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{what}-{stem}"
    numbered = (FOLDER / (f"{name}-{count}" if count else name) for count in range(1000))
    return next(each for each in numbered if not each.exists())


@dataclass(frozen=True)
class Shell:
    """Options of every command: which registry files to add, and how to print."""

    registries: list[Path] | None = option(
        "FILE", "A registry.yaml to add to the installed ones; repeatable.", "--registry"
    )
    json: bool = option(None, "Print one JSON object and nothing else.", "--json", default=False)

    @cached_property
    def registry(self) -> Registry:
        """What is registered, with the files of --registry."""
        return Registry.load(self.registries or ())

    @contextmanager
    def session(
        self, model: object = None, any_time: bool = True, pool: Pool | None = None
    ) -> Iterator[Session]:
        """The session of a command, with a progress bar on a terminal.

        Unless it may take `any_time`, work of more than a day is an error. `pool` does its pieces,
        by default this process.
        """
        from interp.session import Session

        try:
            with pool or ThisProcess() as pool, progress_bar() as progress:
                limited = not any_time
                yield Session(self.registry, model, progress, within_a_day=limited, pool=pool)
        except KeyboardInterrupt as error:
            if str(error):  # where progress is kept; the command-line library drops it
                raise Cancelled(str(error)) from error
            raise

    def say(self, facts: dict[str, Any], lines: Iterable[str]) -> None:
        """Print `facts` with --json, or else the lines."""
        say(self.json, facts, lines)


@dataclass(frozen=True)
class Method:
    """One method, and its parameters."""

    plugin: str = method_option(
        "NAME", "The method; see interp list.", "--plugin", "--method", default=...
    )
    set_: list[str] | None = SET


@dataclass(frozen=True)
class InformedMethod(Method):
    """One method, its parameters, and what it learned before."""

    knowledge: str | None = method_option("DIR", LEARNED.format("the method", ""))


@dataclass(frozen=True)
class Methods:
    """Several methods, each with parameters and knowledge of its own."""

    plugins: str = methods_named(default=...)
    set_: list[str] | None = method_option(
        "METHOD.KEY=VALUE", "Set a parameter of a method; repeatable.", "--set"
    )
    knowledge: list[str] | None = method_option(
        "METHOD=DIR", LEARNED.format("a method", "; repeatable")
    )

    def choices(self, registry: Registry) -> tuple[Choice, ...]:
        """The methods as a request names them. Raises RegistryError, InputError."""
        return parse.choices(registry, "method", self.plugins, "--set", self.set_, self.knowledge)


@dataclass(frozen=True)
class Images:
    """Which images, and what is explained about them."""

    image: list[str] | None = IMAGE
    data: str | None = image_option(
        "PATH",
        "A folder of images, or another form of data set that interp list readers names; "
        "READER:PATH says which one it is.",
    )
    limit: int | None = image_option("N", "Only the first N of --data. [default: all]", least=1)
    target: list[str] | None = TARGET

    def given(self) -> dict[str, Any]:
        """The fields of a request that the user gave. Raises InputError for --image with --data."""
        if self.data is not None and self.image:
            raise InputError("found both --image and --data; give one of them")
        fields = {"images": self.image, "data": self.data, "targets": self.target}
        return {key: value for key, value in fields.items() if value is not None}


@dataclass(frozen=True)
class ModelName:
    """Which model."""

    model: str | None = model_option("MODEL", f"{A_MODEL} [default: a small shipped network]")


def named_model(argument: str | None, option: str | None) -> str:
    """The model that is named as an argument or by --model. Raises InputError unless by one."""
    if (argument is None) == (option is None):
        found = "no model" if argument is None else f"the models {argument} and {option}"
        raise InputError(f"found {found}; expected one, as an argument or after --model")
    return argument or str(option)


@dataclass(frozen=True)
class ModelFile:
    """What a model's file does not say, or says wrongly."""

    weights: str | None = model_option(
        "FILE",
        "Weights for a factory or a named model: .safetensors, .pth or a trainer's checkpoint; "
        "random for random ones. [default: those it comes with]",
    )
    input: list[str] | None = model_option(
        "FIELDS",
        "Input size and preprocessing, e.g. size=224,resize=crop,mean=.5,.5,.5. "
        "[default: as the model says]",
    )
    classes: str | None = model_option(
        "FILE", "Class names, one a line, or a .tsv file. [default: as the model says]"
    )
    pixels: Pixels | None = model_option(
        "FORM",
        "What a function or HTTP endpoint is given: uint8 or float, alone for (N, h, w, 3), with "
        "-chw for (N, 3, h, w), with -flat for rows of numbers. [default: uint8]",
    )

    activation: Literal["softmax", "sigmoid", "none"] | None = model_option(
        None,
        "Function that makes probabilities of the scores: softmax for one class among several, "
        "sigmoid for classes that do not exclude each other. [default: as the model says]",
    )
    readout: str | None = model_option(
        "NAME",
        "How the output is read: classes, value (a regression's numbers, as they are), boxes (a "
        "detector's), pixels (a segmentation), similarity (an embedding), another registered "
        "readout, or module:function of your own, which is run; see interp list readouts. "
        "[default: as the model says, else classes]",
    )
    readout_param: list[str] | None = model_option(
        "KEY=VALUE",
        "Set a parameter of the readout, which interp show NAME lists; repeatable, and a list "
        "where one is repeated. [default: the readout's own]",
    )
    output_name: str | None = model_option(
        "NAME", "The output to read, for an ONNX file that has several. [default: its scores]"
    )

    def options(self) -> ModelOptions:
        """What the user gave, as the options of a model."""
        known = {key: vars(self).get(key) for key in ModelOptions.model_fields}
        known["readout_params"] = parse.repeatable(self.readout_param or ()) or None
        known["input"] = parse.input_fields(",".join(self.input)) if self.input else None
        return ModelOptions(**{key: value for key, value in known.items() if value is not None})


@dataclass(frozen=True)
class Model(ModelFile, ModelName):
    """Which model, what its file does not say, where it runs, and how precisely."""

    device: str | None = model_option(
        "DEVICE", "Where to run: cpu, cuda or cuda:1. [default: cuda if present]"
    )
    precision: Literal["fp32", "bf16", "fp16"] | None = model_option(
        None, "Floating-point precision of forward passes. [default: fp32]"
    )

    @property
    def source(self) -> str:
        """The model's name, or that of the default one."""
        return self.model or DEFAULT_MODEL


@dataclass(frozen=True)
class Work:
    """How much is computed for each explanation or fit, and with which seed."""

    amount: str | None = AMOUNT
    until: Literal["samples", "stable", "ranked"] = work_option(
        None,
        "When to stop: after the budget's samples; once the explanation is stable, with more "
        "samples than usual if need be; or once its three largest parts are known (ranked; a map "
        "without parts, and a fit, go on until stable).",
        default="samples",
    )
    batch_size: int | None = BATCH_SIZE
    seed: int = SEED
    yes: bool = YES

    def budget(self, shard: str | None = None) -> Budget:
        """The budget of a request. Raises InputError for text that is none."""
        return parse.budget(self.amount, self.batch_size, self.until, shard)


@dataclass(frozen=True)
class Workers:
    """Who shares the work."""

    workers: int | None = work_option(
        "N",
        "Share the work among N processes on Ray, each with its share of cores and GPUs; needs "
        "interp[cluster]. [default: none, or with --cluster one for each GPU or core]",
        least=1,
    )
    cluster: str | None = work_option(
        "ADDRESS",
        "The Ray cluster whose machines share the work: auto, HOST:PORT or ray://HOST:PORT. "
        "[default: this machine alone]",
    )

    @property
    def wanted(self) -> bool:
        """Whether the work is to be shared."""
        return self.workers is not None or self.cluster is not None

    def pool(self) -> Pool:
        """The workers. Raises InputError where Ray is not installed."""
        return RayPool(self.workers, self.cluster) if self.wanted else ThisProcess()


@dataclass(frozen=True)
class Folder:
    """The folder that a command writes."""

    out: Path | None = OUT
    resume: bool = RESUME

    def place(self, what: str, subject: str) -> Path:
        """--out, or a new name. Raises InputError for --resume without a folder to go on with."""
        if self.resume and self.out is None:
            raise InputError("--resume goes on with a run of yours; name its folder with --out")
        return self.out or new_name(what, subject)
