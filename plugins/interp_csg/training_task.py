"""CSG's training: standard and gated epochs by turns."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from interp.context import Context
from interp.errors import InputError
from interp.network.preprocess import encode
from interp.training.samples import Samples
from interp.training.task import Task
from interp_csg.gates import Gated, Gates
from interp_csg.metric.mutual import NEIGHBOURS, score, table
from interp_csg.params import CsgParams


class CsgTask(Task):
    """Standard epochs: CE(y, f(x)). Gated epochs: CE(y, f_G(x, y)) + penalty * R(G).

    G is projected after each gated step. The two losses are never added: they take turns by epoch.
    """

    def __init__(
        self,
        network: nn.Module,
        linear: str,
        filters: int,
        params: CsgParams,
        held: Samples | None = None,
    ) -> None:
        """`network` is trained in place, by `params` without gaps, and measured on `held`."""
        classes = network.get_submodule(linear).weight.shape[0]  # type: ignore[index]
        self.params = params
        self.gated = Gated(network, linear)
        self.gates = Gates(int(classes), filters)
        self.held = held
        learning = _chosen(network, params.train or ())
        for each in network.parameters():
            each.requires_grad_(False)
        for each in learning:
            each.requires_grad_(True)
        self.modules = {"network": self.gated}
        self.optimizers = {"network": _optimizer(learning, params)}
        if params.optimizers == "own" and params.gate:
            gated = _chosen(network, params.gated_train or params.train or ())
            for each in gated:
                each.requires_grad_(True)
            self.optimizers["gated"] = _optimizer(gated, params)
        if params.gate:
            self.modules["gates"] = self.gates
            kind = torch.optim.Adam if params.gate_optimizer == "adam" else torch.optim.SGD
            self.optimizers["gates"] = kind([self.gates.values], lr=params.gate_rate or 0.0)

    def begin(self, epoch: int) -> list[str]:
        """Set the rates; in a gated epoch the gates' optimiser steps beside the network's."""
        gated = self.params.gated(epoch)
        name = "gated" if gated and "gated" in self.optimizers else "network"
        for group in self.optimizers[name].param_groups:
            group["lr"] = self.params.rate_at(epoch)
        if "gates" in self.optimizers:
            self.optimizers["gates"].param_groups[0]["lr"] = self.params.gate_rate
        return [name, "gates"] if gated else [name]

    def losses(
        self, epoch: int, modules: dict[str, Any], images: Tensor, labels: Tensor
    ) -> dict[str, Tensor]:
        """The loss of a batch, and in gated epochs the hinge beside it."""
        entropy = nn.functional.cross_entropy
        if not self.params.gated(epoch):
            return {"loss": entropy(modules["network"](images), labels)}
        limit = self.params.sparsity * self.gates.values.shape[1]
        rows, hinge = modules["gates"](labels, limit)
        found = entropy(modules["network"](images, rows), labels)
        return {"loss": found + self.params.penalty * hinge, "hinge": hinge}

    def stepped(self, epoch: int) -> None:
        """Project the gates after a gated step."""
        if self.params.gated(epoch):
            self.gates.project()

    def measure(self, epoch: int) -> dict[str, Any]:
        """On held-out images: accuracy of the standard path, MIS; and the gates' density."""
        row: dict[str, Any] = {"gated": self.params.gated(epoch)}
        if self.params.gate:
            row["density"] = round(self.gates.density(), 4)
        if self.held is not None:
            features, right = self.read_features(self.held)
            row["accuracy"] = round(float(right.mean()), 4)
            few = features[: self.params.measured]
            if len(few) > NEIGHBOURS:
                labels = self.held.labels[: len(few)]
                row["mis"] = round(score(table(few, labels, len(self.gates.values))), 4)
        return row

    def read_features(self, samples: Samples) -> tuple[np.ndarray, np.ndarray]:
        """Features (N, K) of samples without gates, and whether each one's class is right (N,)."""
        device = next(self.gated.parameters()).device
        features, classes = [], []
        for _, images in samples.batches(Context(), device=device):
            with torch.no_grad():
                found, scores = self.gated.answer(encode(images, samples.model.spec.input))
            features.append(found.float())
            classes.append(scores.argmax(1))
        right = torch.cat(classes).cpu().numpy() == samples.labels
        return torch.cat(features).cpu().numpy(), right


def _chosen(network: nn.Module, parts: tuple[str, ...]) -> list[nn.Parameter]:
    """The parameters of these parts, or of all where none is named; InputError for no such part."""
    named = list(network.named_parameters())
    for part in parts:
        if not any(name == part or name.startswith(f"{part}.") for name, _ in named):
            there = ", ".join(dict.fromkeys(name.partition(".")[0] for name, _ in named))
            raise InputError(
                f"the network has no part {part} to train; it has {there}; name others with "
                "--train, and with --gated-train those of gated epochs"
            )
    return [
        each
        for name, each in named
        if not parts or any(name == part or name.startswith(f"{part}.") for part in parts)
    ]


def _optimizer(learning: list[nn.Parameter], params: CsgParams) -> torch.optim.Optimizer:
    rate, decay = params.rate or 0.0, params.decay or 0.0
    if params.optimizer == "adam":
        return torch.optim.Adam(learning, lr=rate, weight_decay=decay)
    return torch.optim.SGD(learning, lr=rate, momentum=0.9, nesterov=True, weight_decay=decay)
