"""Decoupling's training: one loss of all terms from the first step."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from interp.context import Context
from interp.network.preprocess import encode
from interp.training.recording import recording
from interp.training.samples import Samples
from interp.training.task import Task
from interp_decoupling.control import controlled
from interp_decoupling.loss import Order, alignment, distillation, information, sparsity
from interp_decoupling.params import DecouplingParams
from interp_decoupling.path import Paths, diversity

STANDARD = 256
"""Images from which the first mean and spread of a module's inputs are taken."""


class Teacher:
    """A trained network's scores, as a goal of distillation.

    Not a module, so that its weights are neither trained nor saved with what is.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network.eval().requires_grad_(False)

    def __call__(self, images: Tensor) -> Tensor:
        """Raw scores (B, C)."""
        with torch.no_grad():
            return self.network(images)


class Terms(nn.Module):
    """The network's cross entropy, and each loss summed over its controlled layers.

    Each layer has a reader Q, a linear map without bias from its codes to the classes.
    """

    def __init__(
        self,
        network: nn.Module,
        classes: int,
        order: Order,
        kept: float,
        teacher: Teacher | None = None,
    ) -> None:
        super().__init__()
        self.network, self.order, self.kept, self.teacher = network, order, kept, teacher
        self.readers = nn.ModuleList(
            nn.Linear(each.convolution.out_channels, classes, bias=False)
            for each in controlled(network).values()
        )
        for each in self.readers:
            nn.init.kaiming_normal_(each.get_parameter("weight"))

    def forward(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Losses of images (B, 3, h, w) with labels (B,)."""
        layers = controlled(self.network)
        with recording({name: each.gate for name, each in layers.items()}) as calls:
            scores = self.network(images)
        found = {"entropy": information(scores, labels)}
        if self.teacher is not None:
            found["distillation"] = distillation(scores, self.teacher(images))
        for (name, layer), reader in zip(layers.items(), self.readers, strict=True):
            maps, codes = calls[name][0].inputs
            pooled = (maps.relu() if layer.rectified else maps).mean((2, 3))
            terms = {
                "information": information(reader(codes), labels),
                "alignment": alignment(pooled, codes, self.order),
                "sparsity": sparsity(codes, self.kept),
            }
            found |= {key: found.get(key, 0) + each for key, each in terms.items()}
        return found


class DecouplingTask(Task):
    """loss = CE(f(x), y) + a L_alignment + i L_information + s L_sparsity, by SGD with momentum."""

    def __init__(
        self,
        network: nn.Module,
        classes: int,
        params: DecouplingParams,
        held: Samples | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        """`network` is trained in place, by `params` without gaps, and measured on `held`.

        `teacher` gives the scores to be distilled.
        """
        self.network, self.params, self.held = network, params, held
        self.terms = Terms(network, classes, params.order, params.kept or 0.0, teacher)
        self.weights = {
            "alignment": params.alignment,
            "information": params.information or 0.0,
            "sparsity": params.sparsity or 0.0,
            "distillation": params.distillation or 0.0,
        }
        self.modules = {"terms": self.terms}
        control = {
            id(parameter)
            for each in controlled(network).values()
            for parameter in each.control.expand.parameters()
        }
        parts: list[list[nn.Parameter]] = [[], []]
        for parameter in self.terms.parameters():
            parts[id(parameter) in control].append(parameter)
        groups = [{"params": part} for part in parts if part]
        rate, decay = params.rate or 0.0, params.decay
        self.optimizers = {"all": torch.optim.SGD(groups, rate, 0.9, weight_decay=decay)}

    def begin(self, epoch: int) -> list[str]:
        """Set the epoch's rates; the one optimiser steps in every epoch."""
        rates = self.params.rates_at(epoch)
        for group, rate in zip(self.optimizers["all"].param_groups, rates, strict=False):
            group["lr"] = rate  # a twin has no modules
        return ["all"]

    def losses(
        self, epoch: int, modules: dict[str, Any], images: Tensor, labels: Tensor
    ) -> dict[str, Tensor]:
        """The loss of a batch, and its terms without their weights."""
        found: dict[str, Tensor] = modules["terms"](images, labels)
        weighted = [self.weights[name] * found[name] for name in self.weights if name in found]
        return {"loss": sum(weighted, found["entropy"]), **found}

    def measure(self, epoch: int) -> dict[str, Any]:
        """On held-out images: accuracy, and of each layer the share on and the diversity."""
        if self.held is None:
            return {}
        paths, right = self.read_paths(self.held)
        row: dict[str, Any] = {"accuracy": round(float(right.mean()), 4)}
        if paths.filters:
            row |= _facts(paths.codes)
            row["layers"] = {name: _facts(codes) for name, codes in paths.layers().items()}
        return row

    def standardise(self, samples: Samples) -> None:
        """Scale every controlling module's inputs by how they vary over the first samples."""
        layers = controlled(self.network)
        device = next(self.network.parameters()).device
        images = samples.images(np.arange(min(len(samples), STANDARD))).to(device).float() / 255
        with torch.no_grad(), recording({n: e.control for n, e in layers.items()}) as calls:
            self.network(encode(images, samples.model.spec.input))
        for name, each in layers.items():
            each.control.standardise(calls[name][0].inputs[0])

    def read_paths(self, samples: Samples) -> tuple[Paths, np.ndarray]:
        """The paths of samples, and whether each one's class is right (N,)."""
        layers = controlled(self.network)
        codes, right = [], []
        for chosen, images in samples.batches(
            Context(), device=next(self.network.parameters()).device
        ):
            with torch.no_grad(), recording({n: e.control for n, e in layers.items()}) as calls:
                scores = self.network(encode(images, samples.model.spec.input))
            rows = [calls[name][0].output.bool().cpu().numpy() for name in layers]
            codes.append(np.concatenate([np.zeros((len(chosen), 0), bool), *rows], 1))
            right.append(scores.argmax(1).cpu().numpy() == samples.labels[chosen])
        filters = {name: each.convolution.out_channels for name, each in layers.items()}
        return Paths(np.concatenate(codes), samples.labels, filters), np.concatenate(right)


def _facts(codes: np.ndarray) -> dict[str, float]:
    """Share of filters on and diversity, of codes (N, n)."""
    return {"on": round(float(codes.mean()), 4), "diversity": round(diversity(codes), 4)}
