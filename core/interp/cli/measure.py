"""`interp measure`: a number for a model, or for what a method learned of it, on a data set."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from interp.cli.flags import (
    Classes,
    Device,
    Input,
    Json,
    Model,
    Precision,
    Registries,
    Seed,
    Weights,
    model_options,
)
from interp.cli.output import say
from interp.cli.parse import settings
from interp.cli.progress import progress_bar

if TYPE_CHECKING:
    from interp.metric import Measurement


def measure_model(
    metric: Annotated[str, typer.Argument(metavar="METRIC", help="See interp list.")],
    data: Annotated[
        str,
        typer.Option(metavar="DIR", help="One folder per class, or images/ with annotations.json."),
    ],
    model: Model = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="A parameter of the metric, e.g. knowledge=K."
        ),
    ] = None,
    weights: Weights = None,
    fields: Input = None,
    classes: Classes = None,
    device: Device = None,
    precision: Precision = None,
    seed: Seed = 0,
    registry: Registries = None,
    json: Json = False,
) -> None:
    """Measure a model, or what a method learned of it, on a data set.

    Metrics of explanations belong to interp evaluate; interp show METRIC says which kind a metric
    is, and its parameters.

    \b
    Examples
      interp data creatures --out creatures --count 200
      interp measure rebuilt-accuracy --data creatures
      interp measure part-instability --data creatures --set of=performer
    """
    from interp.evaluation.measure import measure
    from interp.opening.source import open_model
    from interp.registry import Registry
    from interp.request import DEFAULT_MODEL
    from interp.session import Session

    known = Registry.load(registry or ())
    options = model_options(weights, fields, classes, device, precision)
    with progress_bar() as progress:
        found = measure(
            metric,
            open_model(model or DEFAULT_MODEL, options, known),
            data,
            settings(set_ or ()),
            session=Session(known, progress=progress),
            seed=seed,
        )
    say(json, {"metric": metric, **asdict(found)}, [_line(metric, found)])


def _line(metric: str, found: Measurement) -> str:
    """`accuracy 0.955 [0.942, 0.967] share of images, 1000 of them; more is better`."""
    words = [f"{metric} {found.value:.4g}"]
    if found.low is not None and found.high is not None:
        words.append(f"[{found.low:.4g}, {found.high:.4g}]")
    words.append(f"{found.unit};")
    words.append(f"{'more' if found.higher_is_better else 'less'} is better")
    return " ".join(words)
