"""`interp export`: a PyTorch model as an ONNX file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from interp.cli import flags

if TYPE_CHECKING:
    from interp.opening.export import Export

SHOWN = 12
"""Lost layers that are named; --json names all."""


def export(
    model: str = flags.MODEL_ARGUMENT,
    *,
    file: flags.ModelFile,
    out: Path = flags.option("FILE", "The file to write, name.onnx; must be new.", default=...),
    shell: flags.Shell,
) -> None:
    """Write a PyTorch model as an ONNX file, and check its scores.

    The file keeps layer names, preprocessing and class names, so that it opens without flags,
    and what a method learned about the model (--knowledge) may be used with the file.

    \b
    Examples
      interp export creatures-vgg --out vgg.onnx
      interp export torchvision:resnet18 --out resnet18.onnx
      interp layers vgg.onnx
    """
    from interp.opening.export import export_model

    with shell.session() as session:
        made = export_model(model, out, file.options(), session.registry, session.progress)
    facts = {
        "path": str(made.path),
        "difference": made.difference,
        "kept": list(made.kept),
        "lost": [{"name": each.name, "kind": each.kind} for each in made.lost],
    }
    shell.say(facts, _lines(made))


def _lines(made: Export) -> Iterator[str]:
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
