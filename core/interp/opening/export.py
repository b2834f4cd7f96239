"""A model written as an ONNX file that is checked before it takes its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from interp.context import Progress, no_progress
from interp.errors import InputError, ModelError
from interp.network.preprocess import probe_images
from interp.opening.source import open_model
from interp.spec import ModelOptions
from interp.storage.folder import new_file

if TYPE_CHECKING:
    from interp.model import ModelAdapter
    from interp.registry import Registry
    from interp.spec import Layer

SUFFIX = ".onnx"
TOLERANCE = 1e-4
"""How far the file's scores may be from the model's, relative to the largest."""
STEPS = 3


@dataclass(frozen=True)
class Export:
    """What became of a model: the file, its layers, and how far its scores are off."""

    path: Path
    kept: tuple[str, ...]
    lost: tuple[Layer, ...]
    """Layers that the exporter merged with others, or dropped as they change nothing."""
    difference: float
    """Largest difference of a score, relative to the largest score."""


def export_model(
    source: object,
    path: Path,
    options: ModelOptions,
    registry: Registry,
    progress: Progress = no_progress,
) -> Export:
    """Open the model, write it at `path`, open what was written and compare the two.

    All on the CPU, whose arithmetic is that of full float32. ModelError where the scores
    differ; then, as on any other error, nothing is left at `path`.
    """
    if path.suffix != SUFFIX:
        raise InputError(f"found --out {path}; expected a file name that ends in {SUFFIX}")
    label = f"exporting {path.name}"
    with new_file(path) as temporary:
        progress(label, 0, STEPS)
        model = open_model(source, options.model_copy(update={"device": "cpu"}), registry)
        progress(label, 1, STEPS)
        model.export(temporary)
        progress(label, 2, STEPS)
        exported = open_model(str(temporary), ModelOptions(device="cpu"), registry)
        difference = _apart(model, exported)
        kept, lost = _sort(model.layers(), exported.layers())
        progress(label, STEPS, STEPS)
    return Export(path, kept, lost, difference)


def _apart(model: ModelAdapter, exported: ModelAdapter) -> float:
    """The largest relative difference of scores on random images; ModelError beyond TOLERANCE."""
    images = probe_images(model.spec.input, 3)
    expected, found = model.predict(images), exported.predict(images)
    scale = float(expected.abs().max()) or 1.0
    apart = float((found - expected).abs().max()) / scale
    if not apart <= TOLERANCE:
        raise ModelError(
            f"the export of {model.spec.name} answers otherwise: scores differ by {apart:.2g} of "
            f"the largest, expected at most {TOLERANCE:g}; nothing was written"
        )
    return apart


def _sort(
    before: Sequence[Layer], after: Sequence[Layer]
) -> tuple[tuple[str, ...], tuple[Layer, ...]]:
    """Names of the layers that are still there, and the layers that are not."""
    left = {each.name for each in after}
    kept = tuple(each.name for each in before if each.name in left)
    return kept, tuple(each for each in before if each.name not in left)
