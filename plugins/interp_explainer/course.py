"""The explainer's training as the shared loop sees it: distillation from images alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from interp.training.task import Task
from interp_explainer.information import filter_loss
from interp_explainer.network import Encoded, ExplainerNetwork, Rebuilt
from interp_explainer.params import ExplainerParams
from interp_explainer.performer import Performer, decode

if TYPE_CHECKING:
    from interp.training.samples import Samples

BATCH = 64
TINY = 1e-30


class Course(Task):
    """sum_l |x_l - x*_l|^2 / E|x*_l|^2  +  eta softplus(-w)  +  lambda sum_f Loss_f.

    x* are the performer's features, p = sigmoid(w), f the filters of both part layers. lambda is
    set in each step so that at the second one's maps the filter loss's gradient is a given share
    of the first term's (ours: no unit of the activations is left in any weight).
    """

    def __init__(
        self,
        performer: Performer,
        network: ExplainerNetwork,
        params: ExplainerParams,
        held: Samples,
    ) -> None:
        """`network` is trained in place; `held` is measured on."""
        self.performer, self.network, self.params, self.held = performer, network, params, held
        self.modules = {"network": network}
        self.optimizers = {"network": torch.optim.Adam(_groups(network, params))}

    def begin(self, epoch: int) -> list[str]:
        """Rates fall as a cosine."""
        fall = self.params.fall(epoch)
        rates = [group["lr"] * fall for group in _groups(self.network, self.params)]
        for group, rate in zip(self.optimizers["network"].param_groups, rates, strict=True):
            group["lr"] = rate
        return ["network"]

    def losses(
        self, epoch: int, modules: dict[str, Any], images: Tensor, labels: Tensor
    ) -> dict[str, Tensor]:
        """Numbers of a batch. The loop's labels, all 0 here, end at this line."""
        return self.step(epoch, modules["network"], images)

    def step(self, epoch: int, network: Any, images: Tensor) -> dict[str, Tensor]:
        """The training step: encoded images (B, 3, h, w) and nothing else."""
        maps, goals = self.performer.look(decode(images, self.performer.model.spec.input))
        found: Rebuilt = network(maps)
        errors = [relative_error(each, goal) for each, goal in zip(found.goals, goals, strict=True)]
        loss = torch.stack(errors).sum()
        told = dict(zip(self.names, errors, strict=True))
        if self.params.shapes(epoch):
            shaped, told["information"] = self._shape(found.encoded)
            loss = loss + self._weight(epoch, loss, shaped, found.encoded.second) * shaped
        loss = loss + self.params.contribution_at(epoch) * softplus(-found.logit)
        return {"loss": loss, **told}

    def measure(self, epoch: int) -> dict[str, Any]:
        """p; on held-out images the errors, and the share of activation that masks let through."""
        sums: dict[str, float] = {}
        for _, maps, goals in batches(self.performer, self.held):
            with torch.no_grad():
                found: Rebuilt = self.network(maps)
            share = len(maps) / len(self.held)
            for name, each, goal in zip(self.names, found.goals, goals, strict=True):
                sums[f"held {name}"] = sums.get(f"held {name}", 0) + share * float(
                    relative_error(each, goal)
                )
            sums["coverage"] = sums.get("coverage", 0) + share * coverage(found.encoded)
        return {"p": round(self.network.share, 4), **{k: round(v, 5) for k, v in sums.items()}}

    @property
    def names(self) -> list[str]:
        """What the goals' errors are called."""
        return [f"error {goal.layer}" for goal in self.performer.structure.goals]

    def _shape(self, encoded: Encoded) -> tuple[Tensor, Tensor]:
        """The surrogate of all that is shaped; the second layer's mean information in nats."""
        layers = [encoded.second, *([encoded.first] if self.params.shaped == "both" else [])]
        told = [
            filter_loss(each, self.network.templates, self.params.level, self.params.nowhere)
            for each in layers
        ]
        return torch.stack([surrogate.mean() for surrogate, _ in told]).sum(), told[0][1].mean()

    def _weight(self, epoch: int, rebuilding: Tensor, shaped: Tensor, maps: Tensor) -> Tensor:
        """lambda: the asked share of the gradient at the maps, whatever the sizes are."""
        pull, shape = (
            torch.autograd.grad(each, maps, retain_graph=True)[0].norm()
            for each in (rebuilding, shaped)
        )
        ratio = pull / shape.clamp(min=TINY)
        none = torch.zeros_like(ratio)  # silent filters ask for nothing
        return self.params.share_at(epoch) * torch.where(shape > TINY, ratio, none)


def relative_error(found: Tensor, wanted: Tensor) -> Tensor:
    """|x - x*|^2 over |x*|^2, both over the whole batch."""
    size = wanted.square().sum().clamp(min=TINY)
    return (found - wanted).square().sum() / size


def coverage(encoded: Encoded) -> float:
    """The share of the second layer's activation that is left after its mask."""
    return float(encoded.parts.sum() / encoded.second.sum().clamp(min=TINY))


def batches(performer: Performer, samples: Samples) -> Any:
    """(numbers (B,), F, goals) of samples, batch by batch, as they are."""
    device = torch.device(performer.model.spec.device)
    for chosen in np.array_split(np.arange(len(samples)), -(-len(samples) // BATCH)):
        maps, goals = performer.look(samples.images(chosen).to(device).float() / 255)
        yield chosen, maps, goals


def _groups(network: ExplainerNetwork, params: ExplainerParams) -> list[dict[str, Any]]:
    """Convolutions, decoder and p, each with its rate at the start."""
    convolutions = [network.interp1, network.interp2, network.ordinary]
    kinds = [
        ([each for part in convolutions for each in part.parameters()], params.rate),
        (list(network.decoder.parameters()), params.decoder_rate or params.rate),
        ([network.logit], params.p_rate),
    ]
    return [{"params": members, "lr": rate} for members, rate in kinds]
