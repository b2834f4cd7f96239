"""`interp layers`, `predict` and `export`: a model's layers, its answers, and its ONNX file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from interp.cli import flags
from interp.cli.column import columns
from interp.cli.output import answer
from interp.request import SAMPLE_IMAGE

if TYPE_CHECKING:
    from interp.opening.export import Export
    from interp.spec import Layer, ModelSpec


SHOWN = 12
"""Lost layers that are named; --json names all."""


@dataclass(frozen=True)
class NamedModel(flags.Model):
    """A model that is named as an argument, or by --model."""

    model: str | None = flags.MODEL_ARGUMENT
    named: str | None = flags.MODEL_OPTION

    @property
    def source(self) -> str:
        """The model's name."""
        return flags.named_model(self.model, self.named)


def layers(model: NamedModel, shell: flags.Shell) -> None:
    """List a model's layers, and what cutting the model there costs.

    grid: cells of the layer's map, height x width. sees: its receptive field in pixels of the
    input. cost after: share of the multiply-adds that follow the layer. cut: how the model is
    split there: graph (exactly), hooks (by running the whole model again) or none.

    Examples
      interp layers creatures-vgg
      interp layers torchvision:resnet18 --json
    """
    from interp.opening.source import open_model

    opened = open_model(model.source, model.options(), shell.registry)
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
    """Show the model's five most probable classes, or values.

    Examples
      interp predict --image photo.jpg
      interp predict --image photo.jpg --model torchvision:resnet18
    """
    from interp.dataset import for_channels, reading_notes
    from interp.opening.images import named_images
    from interp.opening.prediction import predict_image
    from interp.opening.source import open_model

    opened = open_model(model.source, model.options(), shell.registry)
    named = named_images(shell.registry, image or [SAMPLE_IMAGE])
    images = list(for_channels(named, opened.spec.input.channels))
    names = [each.name for each in images]
    found = [predict_image(opened, each.image) for each in images]
    predictions = [{"image": name, **asdict(each)} for name, each in zip(names, found, strict=True)]
    assumed: dict[str, list[str]] = {}
    for each in images:
        for note in each.notes:
            assumed.setdefault(note, []).append(each.name)
    notes = [*opened.spec.notes, *reading_notes(assumed)]
    facts = {"model": opened.spec.name, "predictions": predictions, "notes": notes}
    shell.say(facts, [*map(answer, names, found), *(f"note: {each}" for each in notes)])


def export(
    model: str | None = flags.MODEL_ARGUMENT,
    *,
    named: str | None = flags.MODEL_OPTION,
    file: flags.ModelFile,
    out: Path = flags.option("FILE", "The file to write, name.onnx; must be new.", default=...),
    shell: flags.Shell,
) -> None:
    """Write a PyTorch model as an ONNX file, and check its scores.

    The file keeps layer names, preprocessing and class names, so that it opens without flags,
    and what a method learned about the model (--knowledge) may be used with the file.

    Examples
      interp export creatures-vgg --out vgg.onnx
      interp export torchvision:resnet18 --out resnet18.onnx
      interp layers vgg.onnx
    """
    from interp.opening.export import export_model

    source = flags.named_model(model, named)
    with shell.session() as session:
        made = export_model(source, out, file.options(), session.registry, session.progress)
    facts = {
        "path": str(made.path),
        "difference": made.difference,
        "notes": list(made.notes),
        "kept": list(made.kept),
        "lost": [{"name": each.name, "kind": each.kind} for each in made.lost],
    }
    shell.say(facts, _exported(made))


def _exported(made: Export) -> Iterator[str]:
    yield f"{made.path}: scores agree to {made.difference:.1g} of the largest"
    total = len(made.kept) + len(made.lost)
    yield f"{len(made.kept)} of {total} layers kept their names"
    if made.lost:
        counts = Counter(each.kind for each in made.lost)
        yield "merged into a neighbour or without effect, and so not in the file: " + ", ".join(
            f"{count} {kind}" for kind, count in counts.items()
        )
        named = [each.name for each in made.lost[:SHOWN]]
        yield "  " + ", ".join(named) + (", ..." if len(made.lost) > SHOWN else "")
    yield from (f"note: {each}" for each in made.notes)
