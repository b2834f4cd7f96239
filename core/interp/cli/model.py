"""`interp layers` and `interp predict`: what a model is made of, and what it answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from interp.cli import flags
from interp.cli.output import answer, columns

if TYPE_CHECKING:
    from interp.spec import Layer, ModelSpec


def layers(
    model: str = flags.MODEL_ARGUMENT, *, opening: flags.Opening, shell: flags.Shell
) -> None:
    """List a model's layers, and what cutting the model there costs.

    grid: cells of the layer's map, height x width. sees: its receptive field in pixels of the
    input. cost after: share of the multiply-adds that follow the layer. cut: how the model is
    split there: graph (exactly), hooks (by running the whole model again) or none.

    \b
    Examples
      interp layers creatures-vgg
      interp layers torchvision:resnet18 --json
    """
    from interp.opening.source import open_model

    opened = open_model(model, opening.options(), shell.registry)
    found = opened.layers()
    facts = {
        "model": opened.spec.model_dump(mode="json"),
        "capabilities": sorted(opened.capabilities),
        "layers": [each.model_dump(mode="json") for each in found],
    }
    shell.say(facts, _listing(opened.spec, found))


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
    image: list[str] | None = flags.IMAGE, *, model: flags.Model, shell: flags.Shell
) -> None:
    """Show the model's five most probable classes for images.

    \b
    Examples
      interp predict --image photo.jpg
      interp predict --image photo.jpg --model torchvision:resnet18
    """
    from interp.opening.named import open_images
    from interp.opening.prediction import predict as best
    from interp.opening.source import open_model
    from interp.request import SAMPLE_IMAGE, Request

    request = Request(method="none", images=tuple(image or [SAMPLE_IMAGE]))
    names, pictures = open_images(shell.registry, request)
    opened = open_model(model.source, model.options(), shell.registry)
    found = [best(opened, opened.prepare(each)[0]) for each in pictures]
    predictions = [{"image": name, **asdict(each)} for name, each in zip(names, found, strict=True)]
    facts = {"model": opened.spec.name, "predictions": predictions}
    shell.say(facts, map(answer, names, found))
