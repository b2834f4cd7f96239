"""The explainer's training for the shared training loop: distillation from images alone."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from interp.context import Context
from interp.training.samples import Samples
from interp.training.task import Task
from interp_explainer.information import filter_loss
from interp_explainer.network import Encoded, ExplainerNetwork, Rebuilt
from interp_explainer.params import ExplainerParams
from interp_explainer.performer import Performer, decode

TINY = 1e-30


class ExplainerTask(Task):
    """sum_l |x_l - x*_l|^2 / E|x*_l|^2  +  eta softplus(-w)  +  lambda sum_f Loss_f.

    x* are the performer's features, p = sigmoid(w), f the filters of both part layers. lambda is
    set in each step so that at the second part layer's maps the filter loss's gradient is a given
    share of the first term's (ours: then no weight depends on the unit of the activations).
    """

    def __init__(
        self,
        performer: Performer,
        network: ExplainerNetwork,
        params: ExplainerParams,
        held: Samples,
    ) -> None:
        """`network` is trained in place; `held` are the samples that only `measure` uses."""
        self.performer, self.network, self.params, self.held = performer, network, params, held
        self.names = [f"error {goal.layer}" for goal in performer.structure.goals]
        self.modules = {"network": network}
        self.optimizers = {"network": torch.optim.Adam(_parameter_groups(network, params))}

    def begin(self, epoch: int) -> list[str]:
        """Set the learning rates, which fall as a cosine."""
        factor = 0.5 * (1 + math.cos(math.pi * epoch / self.params.epochs))
        groups = _parameter_groups(self.network, self.params)
        for group, start in zip(self.optimizers["network"].param_groups, groups, strict=True):
            group["lr"] = start["lr"] * factor
        return ["network"]

    def losses(
        self, epoch: int, modules: dict[str, Any], images: Tensor, labels: Tensor
    ) -> dict[str, Tensor]:
        """The loss and its terms for a batch. The loop's labels, all 0 here, are not used."""
        return self.step(epoch, modules["network"], images)

    def step(self, epoch: int, network: Any, images: Tensor) -> dict[str, Tensor]:
        """The same from encoded images (B, 3, h, w) and nothing else."""
        maps, goals = self.performer.activations(decode(images, self.performer.model.spec.input))
        found: Rebuilt = network(maps)
        errors = [relative_error(each, goal) for each, goal in zip(found.goals, goals, strict=True)]
        loss = torch.stack(errors).sum()
        terms = dict(zip(self.names, errors, strict=True))
        if self.params.filter_share > 0 and epoch >= self.params.warm_up:
            shaped, terms["information"] = self._filter_loss(found.encoded)
            loss = loss + self._weight(epoch, loss, shaped, found.encoded.second) * shaped
        eta = self.params.contribution if epoch >= 2 * self.params.warm_up else 0.0
        loss = loss + eta * softplus(-found.logit)
        return {"loss": loss, **terms}

    def measure(self, epoch: int) -> dict[str, Any]:
        """p; on held-out images the errors, and the share of activation that the masks keep."""
        sums = dict.fromkeys([*(f"held {name}" for name in self.names), "coverage"], 0.0)
        for rows, images in self.held.batches(Context(), "measuring"):
            maps, goals = self.performer.activations(images)
            with torch.no_grad():
                found: Rebuilt = self.network(maps)
            pairs = zip(found.goals, goals, strict=True)
            values = [*(float(relative_error(*pair)) for pair in pairs), coverage(found.encoded)]
            for name, value in zip(sums, values, strict=True):
                sums[name] += len(rows) / len(self.held) * value
        return {"p": round(self.network.share, 4), **{k: round(v, 5) for k, v in sums.items()}}

    def _filter_loss(self, encoded: Encoded) -> tuple[Tensor, Tensor]:
        """The filter loss of the layers it shapes; the second layer's mean information in nats."""
        layers = [encoded.second, *([encoded.first] if self.params.shaped == "both" else [])]
        found = [
            filter_loss(each, self.network.templates, self.params.level, self.params.nowhere)
            for each in layers
        ]
        return torch.stack([loss.mean() for loss, _ in found]).sum(), found[0][1].mean()

    def _weight(self, epoch: int, rebuilding: Tensor, shaped: Tensor, maps: Tensor) -> Tensor:
        """lambda: gives the filter loss its share of the gradient at the maps."""
        pull, shape = (
            torch.autograd.grad(each, maps, retain_graph=True)[0].norm()
            for each in (rebuilding, shaped)
        )
        ratio = pull / shape.clamp(min=TINY)
        decay = (epoch - self.params.warm_up + 1) ** self.params.filter_decay
        # filters that are never active have no gradient to scale
        return self.params.filter_share / decay * ratio.where(shape > TINY, torch.zeros_like(ratio))


def relative_error(found: Tensor, wanted: Tensor) -> Tensor:
    """|x - x*|^2 over |x*|^2, both over the whole batch."""
    size = wanted.square().sum().clamp(min=TINY)
    return (found - wanted).square().sum() / size


def coverage(encoded: Encoded) -> float:
    """The share of the second part layer's activation that its masks keep."""
    return float(encoded.parts.sum() / encoded.second.sum().clamp(min=TINY))


def _parameter_groups(network: ExplainerNetwork, params: ExplainerParams) -> list[dict[str, Any]]:
    """Convolutions, decoder and p, each with its initial learning rate."""
    convolutions = [network.interp1, network.interp2, network.ordinary]
    weights = [each for part in convolutions for each in part.parameters()]
    return [
        {"params": weights, "lr": params.rate},
        {"params": list(network.decoder.parameters()), "lr": params.decoder_rate or params.rate},
        {"params": [network.logit], "lr": params.p_rate},
    ]
