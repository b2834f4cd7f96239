"""Opening a function as a model: find it, try it on a few images, describe it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from interp.errors import ModelError
from interp.opening.description import ChosenReadout, Lookup, choose_readout
from interp.readout import OutputDescription, RawOutput
from interp.spec import ModelOptions, ModelSpec
from interp.storage.model_card import ModelCard, describe_input
from interp_callable.adapter import CallableAdapter
from interp_callable.feeding import Feeding, ask, try_feeding
from interp_callable.fingerprint import fingerprint, sample_images
from interp_callable.function import Function, all_options, find_function
from interp_callable.pixels import PLAIN_MEAN, PLAIN_STD, PixelForm, pixel_form

PLAIN = ModelOptions()


def open_model(
    source: Any, options: ModelOptions = PLAIN, lookup: Lookup | None = None
) -> CallableAdapter:
    """Open a Python function, `callable:module:function`, or an http(s) address.

    Raises ModelError unless it answers images with finite scores.
    """
    function = find_function(source)
    options = all_options(function, options)
    plain = {"mean": PLAIN_MEAN, "std": PLAIN_STD}
    spec_input, assumed = describe_input(plain, ModelCard(), options)
    form = pixel_form(options.pixels, spec_input)
    form.check(function.name)
    chosen = choose_readout(options, ModelCard(), ModelCard(), lookup)
    feeding = _feeding(function, form.arrays(sample_images(spec_input)), chosen)
    known = ModelCard(classes=function.classes)
    answers = None if feeding.spread is not None else feeding.scores
    output = chosen.describe(
        RawOutput(
            function.name,
            torch.from_numpy(feeding.scores[:2]),
            options,
            known=known,
            input=spec_input,
            run=lambda images: _answers(function, feeding, form, images),
        )
    )
    spec = ModelSpec(
        name=function.name,
        source=function.source,
        input=spec_input,
        activation=output.activation,
        classes=output.classes,
        device="cpu",
        readout=output.readout,
        readout_params=output.params,
        unit=output.unit,
        fingerprint=fingerprint(function.identity, answers),
        notes=(
            *_notes(function, form, feeding, options),
            *assumed,
            *_meaning(function, output, options),
        ),
    )
    count = feeding.scores.shape[1]
    return CallableAdapter(function, form, feeding.portion, spec, count, output)


def _feeding(function: Function, arrays: np.ndarray, chosen: ChosenReadout) -> Feeding:
    """How the function is given images. Raises ModelError where its answers are no rows."""
    try:
        return try_feeding(function, arrays)
    except ModelError as error:
        if chosen.readout.reads_scores:
            raise
        raise ModelError(
            f"{error}; of a function only rows of numbers are read, so that --readout "
            f"{chosen.name} needs the model itself"
        ) from error


def _answers(function: Function, feeding: Feeding, form: PixelForm, images: Tensor) -> Tensor:
    """What the function answers to images (N, 3, h, w) RGB in [0, 1], (N, K)."""
    return torch.from_numpy(ask(function, feeding.portion, form.arrays(images.clamp(0, 1))))


def _notes(
    function: Function, form: PixelForm, feeding: Feeding, options: ModelOptions
) -> list[str]:
    """What the function is given, and what was found when it was tried."""
    form_sent = getattr(function.call, "format", None) if function.remote else None
    what = f"an HTTP endpoint, sent {form_sent}," if form_sent else "a function,"
    other = "" if options.pixels else "; choose another form with --pixels"
    basis = "its name and its answers to test images"
    if feeding.spread is not None:
        basis = "its name alone, since its answers vary"
    return [
        f"{what} given {form.words}{other}",
        *feeding.notes,
        f"its weights are not known: its fingerprint is made of {basis}",
    ]


def _meaning(function: Function, output: OutputDescription, options: ModelOptions) -> list[str]:
    """What was assumed of the scores and the names of the classes."""
    notes = list(output.notes)
    if options.classes is None and function.classes == output.classes:
        owner = "the server" if function.remote else "classes_ of the method's object"
        notes.append(f"class names given by {owner}")
    return notes
