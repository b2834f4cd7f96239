"""Writing a module as ONNX, with what its adapter knows in the file's metadata."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import torch

from interp.errors import ModelError
from interp.network.preprocess import probe_images
from interp.spec import ModelSpec
from interp.storage.model_card import to_metadata
from interp_torch.evaluation import evaluating, keeping_attributes
from interp_torch.network import Network
from interp_torch.weights import line


def write_onnx(network: Network, spec: ModelSpec, path: Path) -> None:
    """The module for any number of images. ModelError for what the exporter cannot follow."""
    module = network.module
    inputs = network.encode(probe_images(network.input))
    try:
        with evaluating(module), keeping_attributes(module), _quietly():
            program: Any = torch.onnx.export(
                module,
                (inputs,),
                dynamo=True,
                input_names=["image"],
                output_names=["scores"],
                dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
            )
            program.model.metadata_props.update(to_metadata(spec))
            program.save(path)
    except Exception as error:  # the exporter's errors, and those of the module's own code
        raise ModelError(
            f"{spec.name}: PyTorch's exporter cannot follow it: {line(_cause(error))}"
        ) from error


def _cause(error: BaseException) -> BaseException:
    """The first error of a chain: the exporter wraps it in advice for its own developers."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the warnings, reports and listings of code that the exporter prints."""
    before, screen = logging.root.manager.disable, io.StringIO()
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(screen), redirect_stderr(screen):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
