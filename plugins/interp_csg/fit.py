"""Training a copy of a model with gates."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import nn

from interp.context import Context
from interp.dataset import Dataset
from interp.errors import InputError
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.training.checkpoint import Row
from interp.training.loop import train
from interp.training.samples import gather, matched_all
from interp.training.task import Plan, reset_parameters, run_params
from interp_csg.head import put_head
from interp_csg.params import CsgParams
from interp_csg.reach import check_reach, with_faster_gates
from interp_csg.structure import Ending, find_ending
from interp_csg.training_task import CsgTask

LATER = {"rate", "gated_rate", "gate_rate", "own", "filters", "pictures"}
"""Parameters that may change before an interrupted training goes on: rates, after a NaN, and those
that training does not use."""

REMEDY = "train a head of its own for them: --new-head"


def fit(model: ModelAdapter, dataset: Dataset, params: CsgParams, context: Context) -> Knowledge:
    """The trained model, with its gates and its log, as knowledge of that model."""
    params = run_params(params, context)
    fixed_rate, params = params.gate_rate is not None, params.scheduled()
    if params.gated_train and params.optimizers != "own":
        raise InputError("gated_train is for optimizers=own; found shared; add --optimizers own")
    ending = find_ending(model, params.layer)
    if params.new_head:
        classes = list(range(len(dataset.classes)))
    else:
        classes = matched_all(model, dataset, REMEDY, REMEDY)
    samples = gather(model, dataset, classes, context)
    learning, held = samples.split(params.holdout, context.seed)
    steps = -(-len(learning) // (params.batch_size or 1))
    if not fixed_rate:
        params = with_faster_gates(params, len(classes), steps)
    check_reach(params, len(classes), steps)
    network = _network(model, ending, params, len(classes), context.seed)
    task = CsgTask(network, ending.linear, ending.filters, params, held)
    alone = {"optimizers", "gated_train"} if params.optimizers == "shared" else set()
    plan = Plan.of(
        "csg", model, dataset, params, LATER | alone, context
    )  # as before they were there
    rows, early = train(task, learning, plan, context)
    notes = [*samples.notes, *([early] if early else [])]
    return _knowledge(model, dataset, ending, task, rows, notes)


def _network(
    model: ModelAdapter, ending: Ending, params: CsgParams, classes: int, seed: int
) -> nn.Module:
    """A copy of the model's module to train."""
    network = copy.deepcopy(model.module())
    if params.new_head:
        put_head(network, ending.linear, classes)
        reset_parameters(network.get_submodule(ending.linear), seed)
    if params.fresh:
        reset_parameters(network, seed)
    return network


def _knowledge(
    model: ModelAdapter,
    dataset: Dataset,
    ending: Ending,
    task: CsgTask,
    rows: list[Row],
    notes: list[str],
) -> Knowledge:
    network = task.gated.network.eval().requires_grad_(True)
    network.to(memory_format=torch.contiguous_format)
    head: dict[str, object] = {}
    names = None
    if task.params.new_head:
        head = {"linear": ending.linear, "classes": len(dataset.classes)}
        names = dataset.classes
    made = model.adopt(network, "csg", head, names)
    last = {key: value for key, value in rows[-1].items() if key != "gated"}
    about: dict[str, Any] = {
        "layer": ending.layer,
        "classes": list(made.spec.classes),
        "base": model.spec.source,
        "params": task.params.model_dump(mode="json"),
        "log": rows,
        "notes": notes,
        "layers": {ending.layer: {"images": len(task.held or ()), **last}},
    }
    return Knowledge.of("csg", made, _arrays(task), about, made=True)


def _arrays(task: CsgTask) -> dict[str, np.ndarray]:
    """The head, the gates if there are any, and features of held-out images with their labels."""
    linear = task.gated.network.get_submodule(task.gated.linear)
    tensors = dict(linear.named_parameters())
    if task.params.gate:
        tensors["gates"] = task.gates.values
    arrays = {name: each.detach().float().cpu().numpy().copy() for name, each in tensors.items()}
    if task.held is not None:
        few = task.held.part(np.arange(min(len(task.held), task.params.measured)))
        arrays |= {"features": task.read_features(few)[0], "labels": few.labels.astype(np.int64)}
    return arrays
