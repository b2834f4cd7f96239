"""Training a copy of a model with controlling modules, and what is kept of it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from interp.errors import InputError
from interp.knowledge import Knowledge
from interp.spec import Capability
from interp.state import content_key
from interp.target import parse_target
from interp.training.loop import train
from interp.training.samples import Samples, gather
from interp.training.task import Plan
from interp.training.variation import Variation
from interp_decoupling.build import Layout, begin, insert
from interp_decoupling.control import controlled
from interp_decoupling.lesson import Lesson, Teacher
from interp_decoupling.params import DecouplingParams
from interp_decoupling.structure import find_places
from interp_decoupling.work import count_work

if TYPE_CHECKING:
    from torch import nn

    from interp.context import Context
    from interp.dataset import Dataset
    from interp.model import ModelAdapter
    from interp.training.keep import Row

LATER = {
    "rate", "control_rate", "static", "references", "neighbours", "filters", "depth",
    "concept_layer", "concepts", "surveyed", "combination", "top", "joined", "timed",
}  # fmt: skip
"""What may change before a training goes on: the rate, after a NaN, and what it does not use."""
THUMB = 48
"""Side of the pictures of reference images."""


def fit(
    model: ModelAdapter, dataset: Dataset, params: DecouplingParams, context: Context
) -> Knowledge:
    """The trained model, the paths of held-out images and the log, as knowledge of that model."""
    params = _settled(params, context)
    if Capability.MODULE not in model.capabilities:
        raise model.lacks(Capability.MODULE, "training with controlling modules")
    network = copy.deepcopy(model.module()).eval()
    places = tuple(find_places(network, params.layer)) if params.gate else ()
    samples = gather(model, dataset, _classes(model, dataset), context)
    learning, held = samples.split(params.holdout, context.seed)
    layout = Layout(
        places=places, reduction=params.reduction, mixture=params.mixture, noise=params.noise
    )
    lesson = _lesson(network, layout, params, held, context.seed)
    if params.start == "standard":
        lesson.standardise(learning)
    rows, early = train(lesson, learning, _plan(model, dataset, params, context), context)
    notes = [*samples.notes, *([early] if early else []), *_warnings(rows[-1], params)]
    return _knowledge(model, lesson, layout, rows, notes)


def _lesson(
    network: nn.Module,
    layout: Layout,
    params: DecouplingParams,
    held: Samples,
    seed: int,
) -> Lesson:
    """The network with its modules, ready to train; torch's global generator is put back."""
    taught = params.distillation and not params.fresh
    teacher = Teacher(copy.deepcopy(network)) if taught else None
    insert(network, layout)
    device = next(network.parameters()).device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        if params.fresh:
            for part in network.modules():
                reset = getattr(part, "reset_parameters", None)
                if callable(reset):
                    reset()
        begin(network, layout.places, params, seed)
        network.requires_grad_(True)
        return Lesson(network, len(held.model.spec.classes), params, held, teacher)


def _settled(params: DecouplingParams, context: Context) -> DecouplingParams:
    """Parameters without gaps; the command line's --batch-size is the run's, and counts here."""
    if context.budget.shard is not None:
        raise InputError(
            "a training is not learned in parts; leave out --shard, or train on several devices "
            "with --devices"
        )
    said = context.budget.batch_size
    return params.model_copy(update={} if said is None else {"batch_size": said}).settled()


def _classes(model: ModelAdapter, dataset: Dataset) -> list[int]:
    """The network's class of each of the data's; InputError unless these are all it has."""
    try:
        found = [parse_target(name, model.spec.classes).index for name in dataset.classes]
    except InputError as error:
        raise InputError(
            f"the data's classes are not {model.spec.name}'s: {error}; start from a network that "
            "was trained on them"
        ) from error
    missing = [name for at, name in enumerate(model.spec.classes) if at not in found]
    if missing:
        raise InputError(
            f"found no images of {len(missing)} of {model.spec.name}'s {len(model.spec.classes)} "
            f"classes ({', '.join(missing[:3])}{', ...' if len(missing) > 3 else ''}); add some, "
            "or the network forgets them"
        )
    return found


def _plan(
    model: ModelAdapter, dataset: Dataset, params: DecouplingParams, context: Context
) -> Plan:
    spec = model.spec
    facts = params.model_dump(exclude=LATER)
    return Plan(
        epochs=params.epochs or 0,
        batch_size=params.batch_size or 0,
        key=content_key("decoupling", spec.fingerprint, dataset.fingerprint, context.seed, facts),
        seed=context.seed,
        device=spec.device,
        devices=params.devices,
        precision=spec.precision,
        variation=Variation(params.flip, params.pad or 0),
    )


def _warnings(row: Row, params: DecouplingParams) -> list[str]:
    """What the last epoch's gates are not, for people."""
    if "diversity" not in row:
        return []
    found = []
    if row["diversity"] < params.static:
        found.append(
            f"the gates are static: diversity {row['diversity']} is below {params.static}, so that "
            "filters were pruned, not decoupled; raise --information "
            f"({params.information:g}) or train longer"
        )
    else:
        still = [name for name, each in row["layers"].items() if not each["diversity"]]
        if still:
            found.append(
                f"in {len(still)} of {len(row['layers'])} layers all images take one path, so that "
                f"filters were pruned there: {', '.join(still)}"
            )
    dead = [name for name, each in row["layers"].items() if not each["on"]]
    if dead:
        found.append(f"no filter is ever on in {', '.join(dead)}; lower --sparsity")
    return found


def _knowledge(
    model: ModelAdapter, lesson: Lesson, layout: Layout, rows: list[Row], notes: list[str]
) -> Knowledge:
    network = lesson.network.eval()
    for each in controlled(network).values():
        each.control.settle()
    network.to(memory_format=torch.contiguous_format)
    made = model.adopt(network, "decoupled", layout.model_dump(mode="json"))
    about: dict[str, Any] = {
        "classes": list(made.spec.classes),
        "base": model.spec.source,
        "params": lesson.params.model_dump(mode="json"),
        "log": rows,
        "notes": notes,
        "layers": rows[-1].get("layers", {}),
        "work": count_work(network, layout.places, model.spec.input.size).facts(),
    }
    arrays: dict[str, np.ndarray] = {}
    if layout.places:
        arrays, about["filters"] = _references(lesson)
    return Knowledge.of("decoupling", made, arrays, about, made=True)


def _references(lesson: Lesson) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Paths, labels and pictures of held-out images, and each layer's filters."""
    import cv2

    assert lesson.held is not None  # noqa: S101 - fit always holds some
    held = lesson.held.part(np.arange(min(len(lesson.held), lesson.params.references)))
    paths, _ = lesson.look(held)
    pictures = [
        cv2.resize(each.permute(1, 2, 0).numpy(), (THUMB, THUMB), interpolation=cv2.INTER_AREA)
        for each in held.images(np.arange(len(held)))
    ]
    arrays: dict[str, np.ndarray] = {
        "codes": paths.codes.astype(np.uint8),
        "labels": held.labels.astype(np.int64),
        "pictures": np.stack(pictures),
    }
    return arrays, paths.filters
