"""Export of a module as ONNX, with its preprocessing and class names as metadata."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import torch

from interp.errors import ModelError, first_line
from interp.network.preprocess import probe_images
from interp.spec import ModelSpec
from interp.storage.model_card import to_metadata
from interp_torch.hooks import eval_mode, restore_attributes
from interp_torch.network import Network


def write_onnx(network: Network, spec: ModelSpec, path: Path) -> None:
    """Write the module for any batch size; ModelError where PyTorch's exporter fails."""
    module = network.module
    inputs = network.encode(probe_images(network.input))
    try:
        with eval_mode(module), restore_attributes(module), _silent():
            program: Any = torch.onnx.export(
                module,
                (inputs,),
                dynamo=True,
                input_names=["image"],
                output_names=["scores"],
                dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
            )
            program.model.metadata_props.update(to_metadata(spec))
    except Exception as error:  # the exporter's errors, and those of the module's own code
        raise ModelError(
            f"{spec.name}: PyTorch's exporter cannot follow it: {first_line(_root_cause(error))}"
        ) from error
    with _silent():
        program.save(path)


def _root_cause(error: BaseException) -> BaseException:
    """The first error of a chain; the exporter wraps it in advice to its own developers."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


@contextmanager
def _silent() -> Iterator[None]:
    """Suppress the warnings, reports and code listings that the exporter prints."""
    before, screen = logging.root.manager.disable, io.StringIO()
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(screen), redirect_stderr(screen):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
