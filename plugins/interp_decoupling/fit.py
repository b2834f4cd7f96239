"""Training a copy of a model with controlling modules."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import nn

from interp.context import Context
from interp.dataset import Dataset
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.spec import Capability
from interp.training.checkpoint import Row
from interp.training.loop import train
from interp.training.samples import Samples, gather, matched_all
from interp.training.task import Plan, reset_parameters, run_params, seeded
from interp_decoupling.build import Layout, begin, insert
from interp_decoupling.control import controlled
from interp_decoupling.params import DecouplingParams
from interp_decoupling.structure import find_places
from interp_decoupling.training_task import DecouplingTask, Teacher
from interp_decoupling.work import count_work

LATER = {
    "rate", "control_rate", "static", "references", "neighbours", "filters", "depth",
    "concept_layer", "concepts", "surveyed", "combination", "top", "joined", "timed", "pictures",
}  # fmt: skip
"""Parameters that may change before an interrupted training goes on: rates, after a NaN, and those
that training does not use."""
THUMB = 48
"""Side of the pictures of reference images."""


def fit(
    model: ModelAdapter, dataset: Dataset, params: DecouplingParams, context: Context
) -> Knowledge:
    """The trained model, the paths of held-out images and the log, as knowledge of that model."""
    params = run_params(params, context).scheduled()
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
    task = _task(network, layout, params, held, context.seed)
    if params.start == "standard":
        task.standardise(learning)
    plan = Plan.of("decoupling", model, dataset, params, LATER, context)
    rows, early = train(task, learning, plan, context)
    notes = [*samples.notes, *([early] if early else []), *_warnings(rows[-1], params)]
    return _knowledge(model, task, layout, rows, notes)


def _task(
    network: nn.Module,
    layout: Layout,
    params: DecouplingParams,
    held: Samples,
    seed: int,
) -> DecouplingTask:
    """The network with its controlling modules, ready to train."""
    teacher = None
    if params.distillation and not params.fresh:
        teacher = Teacher(copy.deepcopy(network))
    if params.fresh:
        reset_parameters(network, seed)
    insert(network, layout)
    with seeded(seed, next(network.parameters()).device):
        begin(network, layout.places, params, seed)
        network.requires_grad_(True)
        return DecouplingTask(network, len(held.model.spec.classes), params, held, teacher)


def _warnings(row: Row, params: DecouplingParams) -> list[str]:
    """Warnings of gates that are static or always off after the last epoch."""
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
    model: ModelAdapter, task: DecouplingTask, layout: Layout, rows: list[Row], notes: list[str]
) -> Knowledge:
    network = task.network.eval()
    for each in controlled(network).values():
        each.control.fold()
    network.to(memory_format=torch.contiguous_format)
    made = model.adopt(network, "decoupled", layout.model_dump(mode="json"))
    work = count_work(network, layout.places, model.spec.input.size)
    about: dict[str, Any] = {
        "classes": list(made.spec.classes),
        "base": model.spec.source,
        "params": task.params.model_dump(mode="json"),
        "log": rows,
        "notes": notes,
        "layers": rows[-1].get("layers", {}),
        "work": work.model_dump(mode="json"),
    }
    arrays: dict[str, np.ndarray] = {}
    if layout.places:
        arrays, about["filters"] = _references(task)
    return Knowledge.of("decoupling", made, arrays, about, made=True)


def _references(task: DecouplingTask) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Paths, labels and pictures of held-out images, and each layer's filters."""
    import cv2

    assert task.held is not None  # noqa: S101 - fit always holds some
    held = task.held.part(np.arange(min(len(task.held), task.params.references)))
    paths, _ = task.read_paths(held)
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
