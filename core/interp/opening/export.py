"""Exporting a model as an ONNX file, which is checked before it gets its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from interp.context import Progress, no_progress
from interp.errors import InputError, ModelError
from interp.model import ModelAdapter
from interp.network.preprocess import probe_images
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import Layer, ModelOptions
from interp.storage.folder import new_file

SUFFIX = ".onnx"
TOLERANCE = 1e-4
"""The largest difference of the file's scores from the model's, relative to the largest score."""
STEPS = 3


@dataclass(frozen=True)
class Export:
    """An exported file, and how it differs from the model."""

    path: Path
    kept: tuple[str, ...]
    """Names of the layers that are in the file."""
    lost: tuple[Layer, ...]
    """Layers that the exporter merged with others, or dropped since they change nothing."""
    difference: float
    """Largest difference of a score, relative to the largest score."""
    notes: tuple[str, ...] = ()
    """What was assumed about the model, and is in the file as if it were known."""


def export_model(
    source: object,
    path: str | Path,
    options: ModelOptions,
    registry: Registry,
    progress: Progress = no_progress,
) -> Export:
    """Write a model at `path`, open the file, and compare the two on the CPU in float32.

    Raises InputError for a path that is not a new .onnx file, and ModelError where the scores
    differ; then, as on any error, nothing is left at `path`.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise InputError(f"found --out {path}; expected a file name that ends in {SUFFIX}")
    label = f"exporting {path.name}"
    with new_file(path) as temporary:
        progress(label, 0, STEPS)
        model = open_model(source, options.model_copy(update={"device": "cpu"}), registry)
        progress(label, 1, STEPS)
        model.export(temporary)
        progress(label, 2, STEPS)
        # What the user named may be code, which is not run because a file names it.
        said = {key: getattr(options, key) for key in ("readout", "readout_params")}
        exported = open_model(str(temporary), ModelOptions(device="cpu", **said), registry)
        difference = _apart(model, exported)
        left = {each.name for each in exported.layers()}
        kept = tuple(each.name for each in model.layers() if each.name in left)
        lost = tuple(each for each in model.layers() if each.name not in left)
        progress(label, STEPS, STEPS)
    return Export(path, kept, lost, difference, model.spec.notes)


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
