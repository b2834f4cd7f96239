"""Training a copy of a model with controlling modules, and what is kept of it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from interp.knowledge import Knowledge
from interp.spec import Capability
from interp.training.loop import train
from interp.training.samples import Samples, gather, matched_all
from interp.training.task import Plan, asked, forget
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
    from interp.training.checkpoint import Row

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
    params = asked(params, context).settled()
    if Capability.MODULE not in model.capabilities:
        raise model.lacks(Capability.MODULE, "training with controlling modules")
    network = copy.deepcopy(model.module()).eval()
    places = tuple(find_places(network, params.layer)) if params.gate else ()
    classes = matched_all(
        model, dataset, "start from a network trained on them", "the network forgets them"
    )
    samples = gather(model, dataset, classes, context)
    learning, held = samples.split(params.holdout, context.seed)
    layout = Layout(
        places=places, reduction=params.reduction, mixture=params.mixture, noise=params.noise
    )
    lesson = _lesson(network, layout, params, held, context.seed)
    if params.start == "standard":
        lesson.standardise(learning)
    plan = Plan.of("decoupling", model, dataset, params, LATER, context)
    rows, early = train(lesson, learning, plan, context)
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
    if params.fresh:
        forget(network, seed)
    insert(network, layout)
    device = next(network.parameters()).device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        begin(network, layout.places, params, seed)
        network.requires_grad_(True)
        return Lesson(network, len(held.model.spec.classes), params, held, teacher)


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
