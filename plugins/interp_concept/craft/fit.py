"""Fitting CRAFT: concepts of one class after another, resumed where a fit was stopped."""

from __future__ import annotations

from collections.abc import Iterator

from interp.context import Context
from interp.dataset import Dataset
from interp.engine.random import content_key
from interp.errors import InputError
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp_concept.craft.class_fit import ClassConcepts, ClassFit
from interp_concept.craft.knowledge import content
from interp_concept.craft.params import CraftParams
from interp_concept.grouping import Grouped, group

POOR = 0.5
"""Share of kept answers, or R^2, below which a note warns."""


def fit(model: ModelAdapter, dataset: Dataset, params: CraftParams, context: Context) -> Knowledge:
    """A bank of concepts for each class of the images; with budget.shard for every n-th class."""
    cut = model.cut(model.map_layer(params.layer).name)
    spec, layer = model.spec, cut.layer.name
    key = content_key(
        *(spec.fingerprint, spec.precision, spec.input, *spec.reading, layer),
        *(dataset.fingerprint, params, context.seed, context.budget.samples),
    )
    kept = context.checkpoint
    images = group(
        *(model, dataset, params.by, params.images, params.of_class, context),
        None if kept is None else kept / f"{key}.json",
    )
    part, parts = context.budget.shard or (0, 1)
    labels = list(images.members)[part::parts]
    if not labels:
        raise InputError(
            f"found images of {len(images.members)} classes; use as many parts or fewer"
        )
    found: dict[int, ClassConcepts] = {}
    notes = list(images.notes)
    for at, label in enumerate(labels):
        if context.out_of_time() and found:
            notes.append(f"the time budget ended after {at} of {len(labels)} classes")
            break
        name = spec.classes[label]
        step = ClassFit(model, cut, images, label, params, context.within(name))
        file = None if kept is None else kept / f"{key}-{label}.safetensors"
        learned = ClassConcepts.open(file) if file is not None and file.is_file() else step.learn()
        if learned is None:
            continue
        found[label] = learned
        if file is not None and not file.is_file():
            learned.save(file)
    if not found:
        raise InputError(
            "found fewer than two directions in the activations of every class; give more images"
            " or another layer"
        )
    notes += _notes(model, images, found, labels, params)
    facts = {
        **({"shard": [part, parts]} if parts > 1 else {}),
        "data": dataset.fingerprint,
        "seed": context.seed,
        "params": params.model_dump(mode="json"),
        "notes": notes,
    }
    return Knowledge.of("craft", model, *content(layer, found, spec.classes, facts))


def _notes(
    model: ModelAdapter,
    images: Grouped,
    found: dict[int, ClassConcepts],
    labels: list[int],
    params: CraftParams,
) -> Iterator[str]:
    """Warnings about concepts that do not carry the scores, and classes without any."""
    names = model.spec.classes
    poor = [names[at] for at, each in found.items() if each.about["same_answer"] < POOR]
    if poor:
        yield (
            f"decoded from its concepts, the answer changes on most images of {_named(poor)}; "
            "importances are about another score there: try more concepts, or pieces cells"
        )
    fewer = [names[at] for at, each in found.items() if len(each.bank) < params.concepts]
    if fewer:
        yield (
            f"activations of {_named(fewer)} have fewer than {params.concepts} directions; there "
            "are as many concepts as directions"
        )
    if any((each.bank < 0).any() for each in found.values()):
        yield "activations are negative in places, so that directions are signed (semi-NMF)"
    whole = labels == list(images.members) and not images.chosen
    if whole and len(labels) < len(names):
        missing = [name for at, name in enumerate(names) if at not in images.members]
        yield f"no images of {_named(missing)}: no concepts were learned of it"


def _named(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
