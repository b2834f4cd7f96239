"""Training an explainer of a model, and what is kept of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from interp.engine.random import content_key
from interp.knowledge import Knowledge
from interp.training.loop import train
from interp.training.task import Plan, asked
from interp.training.variation import Variation
from interp_explainer.course import BATCH, Course
from interp_explainer.crop import Crops
from interp_explainer.memory import remember
from interp_explainer.network import ExplainerNetwork, build
from interp_explainer.params import ExplainerParams
from interp_explainer.performer import Performer
from interp_explainer.pool import gather_images
from interp_explainer.start import copy_performer
from interp_explainer.structure import find_structure, in_units

if TYPE_CHECKING:
    from interp.context import Context
    from interp.dataset import Dataset
    from interp.model import ModelAdapter
    from interp.training.checkpoint import Row
    from interp.training.samples import Samples

FREE = {"rate", "decoder_rate", "p_rate", "filters", "gallery", "examples", "looked_at"}
"""What may change before a training goes on: rates, after a NaN, and what training does not use."""


def fit(
    model: ModelAdapter, dataset: Dataset, params: ExplainerParams, context: Context
) -> Knowledge:
    """The explainer's weights and log, as knowledge of the model."""
    params = asked(params, context)
    structure = find_structure(model, params.layer, params.decode, params.parts)
    dataset = Crops(dataset, params.crop) if params.crop else dataset
    samples = gather_images(model, dataset, context)
    learning, held = samples.split(params.holdout, context.seed)
    performer = remember(Performer(model, structure), learning, held, params.flip, context)
    network = _network(performer, learning, params, context.seed)
    course = Course(performer, network, params, held)
    rows, early = train(course, learning, _plan(model, dataset, params, context), context)
    notes = [*samples.notes, *([early] if early else []), *_worries(rows)]
    return _knowledge(model, course, rows, notes)


def _network(
    performer: Performer, learning: Samples, params: ExplainerParams, seed: int
) -> ExplainerNetwork:
    """The network as training begins."""
    if params.start == "drawn":
        return build(performer.structure, params, seed)
    few = learning.images(np.arange(min(BATCH, len(learning)))).float() / 255
    maps, goals = performer.look(few.to(performer.model.spec.device))
    if params.start == "scaled":
        return build(in_units(performer.structure, maps, goals), params, seed)
    network = build(performer.structure, params, seed).to(maps.device)
    copy_performer(network, performer.model, maps)
    return network


def _plan(model: ModelAdapter, dataset: Dataset, params: ExplainerParams, context: Context) -> Plan:
    """Always in float32: the filter loss's gradient is scaled within a step."""
    facts = params.model_dump(exclude=FREE)
    key = content_key("explainer", model.spec.fingerprint, dataset.fingerprint, context.seed, facts)
    return Plan(
        epochs=params.epochs,
        batch_size=params.batch_size,
        key=key,
        seed=context.seed,
        device=model.spec.device,
        devices=params.devices,
        variation=Variation(params.flip, 0),
    )


def _worries(rows: list[Row]) -> list[str]:
    """Notes if nothing passes through parts, or a feature is rebuilt worse than by nothing."""
    last = rows[-1] if rows else {"coverage": 1.0}
    found = []
    if last["coverage"] == 0:
        found.append(
            "no part filter fires on the images held out: what is rebuilt is made of the ordinary "
            "track alone; try more --parts, --start scaled or a smaller --rate"
        )
    poor = {key[5:]: far for key, far in last.items() if key.startswith("held ") and far > 1}
    if poor:
        errors = ", ".join(f"{name[6:]} with {far:.2g}" for name, far in poor.items())
        found.append(
            f"rebuilt worse than by zeros, relative error: {errors}; try --start scaled, more "
            "--epochs or more images"
        )
    return found


def _knowledge(model: ModelAdapter, course: Course, rows: list[Row], notes: list[str]) -> Knowledge:
    structure = course.network.structure
    arrays = {
        name: np.ascontiguousarray(each.detach().float().cpu().numpy())
        for name, each in course.network.state_dict().items()
    }
    last = {key: value for key, value in rows[-1].items() if key != "loss"} if rows else {}
    about: dict[str, Any] = {
        "structure": structure.model_dump(mode="json"),
        "params": course.params.model_dump(mode="json"),
        "log": rows,
        "notes": notes,
        "layers": {structure.layer: {"held": len(course.held), **last}},
    }
    return Knowledge.of("explainer", model, arrays, about)
