"""Training an explainer of a model, and the knowledge that is kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from interp.context import Context
from interp.dataset import Dataset
from interp.errors import InputError
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.training.checkpoint import Row
from interp.training.loop import train
from interp.training.samples import gather_unlabelled
from interp.training.task import Plan, run_params
from interp_explainer.initial_weights import initial_network
from interp_explainer.object_crop import ObjectCrops
from interp_explainer.params import ExplainerParams
from interp_explainer.performer import Performer, cache_activations
from interp_explainer.structure import find_structure
from interp_explainer.training_task import ExplainerTask

LEAST = 4
"""Smallest number of images, so that there are some to learn from and one to hold out."""
FREE = {"rate", "decoder_rate", "p_rate", "filters", "gallery", "examples", "looked_at"}
"""What may change before a training goes on: rates, after a NaN, and what training does not use."""


def fit(
    model: ModelAdapter, dataset: Dataset, params: ExplainerParams, context: Context
) -> Knowledge:
    """Train an explainer of the model; its weights and log as knowledge."""
    params = run_params(params, context)
    structure = find_structure(model, params.layer, params.decode, params.parts)
    dataset = ObjectCrops(dataset, params.crop) if params.crop else dataset
    samples = gather_unlabelled(model, dataset, context)
    if len(samples) < LEAST:
        raise InputError(
            f"found {len(samples)} images to learn from; expected {LEAST} or more; "
            f"{'; '.join(samples.notes) or 'give more'}"
        )
    learning, held = samples.split(params.holdout, context.seed)
    performer = Performer(model, structure)
    performer = cache_activations(performer, learning, held, params.flip, context)
    task = ExplainerTask(
        performer, initial_network(performer, learning, params, context.seed), params, held
    )
    plan = Plan.of("explainer", model, dataset, params, FREE, context)
    # float32: the filter loss's gradient is scaled within a step
    rows, early = train(task, learning, replace(plan, precision="fp32"), context)
    notes = [*samples.notes, *([early] if early else []), *training_notes(rows)]
    structure = task.network.structure  # with the units of --start scaled
    last = {key: value for row in rows[-1:] for key, value in row.items() if key != "loss"}
    about: dict[str, Any] = {
        "structure": structure.model_dump(mode="json"),
        "params": params.model_dump(mode="json"),
        "log": rows,
        "notes": notes,
        "layers": {structure.layer: {"held": len(held), **last}},
    }
    arrays = {
        name: np.ascontiguousarray(each.detach().float().cpu().numpy())
        for name, each in task.network.state_dict().items()
    }
    return Knowledge.of("explainer", model, arrays, about)


def training_notes(rows: Sequence[Row]) -> list[str]:
    """Warnings if no part filter is active, or a feature is rebuilt worse than by zeros."""
    if not rows:
        return []
    notes, last = [], rows[-1]
    if last["coverage"] == 0:
        notes.append(
            "no part filter is active on the held-out images: features are rebuilt from the "
            "ordinary track alone; try more --parts, --start scaled or a smaller --rate"
        )
    prefix = "held error "
    poor = [
        f"{key.removeprefix(prefix)} with {error:.2g}"
        for key, error in last.items()
        if key.startswith(prefix) and error > 1
    ]
    if poor:
        notes.append(
            f"rebuilt worse than by zeros (relative error): {', '.join(poor)}; try --start scaled, "
            "more --epochs or more images"
        )
    return notes
