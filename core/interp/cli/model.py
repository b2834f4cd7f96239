"""`interp layers` and `interp predict`: what a model is made of, and what it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

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
from interp.cli.output import answer, columns, say

if TYPE_CHECKING:
    from interp.spec import Layer, ModelSpec


def layers(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="As for interp run --model.")],
    weights: Weights = None,
    fields: Input = None,
    classes: Classes = None,
    device: Device = None,
    precision: Precision = None,
    registry: Registries = None,
    json: Json = False,
) -> None:
    """List a model's layers and what cutting costs.

    \b
    Examples
      interp layers creatures-vgg
      interp layers torchvision:resnet18 --json
    """
    from interp.opening.source import open_model
    from interp.registry import Registry

    options = model_options(weights, fields, classes, device, precision)
    opened = open_model(model, options, Registry.load(registry or ()))
    found = opened.layers()
    facts = {
        "model": opened.spec.model_dump(mode="json"),
        "capabilities": sorted(opened.capabilities),
        "layers": [each.model_dump(mode="json") for each in found],
    }
    say(json, facts, _listing(opened.spec, found))


def _listing(spec: ModelSpec, found: list[Layer]) -> Iterator[str]:
    size = " x ".join(map(str, spec.input.size))
    yield f"{spec.name}: input {size}, {len(spec.classes)} classes, {spec.device}"
    yield from (f"note: {note}" for note in spec.notes)
    heads = ("layer", "kind", "channels", "grid", "sees", "cost after", "cut")
    yield from columns([heads, *map(_row, found)])


def _row(layer: Layer) -> tuple[str, ...]:
    return (
        layer.name,
        layer.kind,
        str(layer.channels),
        _sides(layer.grid),
        _sides(layer.field.size) if layer.field else "-",
        "-" if layer.cost_after is None else f"{layer.cost_after:.1%}",
        layer.cut,
    )


def _sides(pair: tuple[float, float] | None) -> str:
    return " x ".join(f"{side:g}" for side in pair) if pair else "-"


def predict(
    model: Model = None,
    image: Images = None,
    weights: Weights = None,
    fields: Input = None,
    classes: Classes = None,
    device: Device = None,
    precision: Precision = None,
    registry: Registries = None,
    json: Json = False,
) -> None:
    """Show the model's five best classes.

    \b
    Examples
      interp predict --image photo.jpg
      interp predict --image photo.jpg --model torchvision:resnet18
    """
    from interp.opening.images import named_images
    from interp.opening.prediction import predict as best
    from interp.opening.source import open_model
    from interp.registry import Registry
    from interp.request import DEFAULT_MODEL, SAMPLE_IMAGE

    known = Registry.load(registry or ())
    options = model_options(weights, fields, classes, device, precision)
    images = list(named_images(known, image or [SAMPLE_IMAGE]))
    opened = open_model(model or DEFAULT_MODEL, options, known)
    found = [best(opened, opened.prepare(each.image)[0]) for each in images]
    facts = {
        "model": opened.spec.name,
        "predictions": [
            {"image": one.name, **asdict(each)} for one, each in zip(images, found, strict=True)
        ],
    }
    say(json, facts, (answer(one.name, each) for one, each in zip(images, found, strict=True)))
