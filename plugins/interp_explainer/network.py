"""The explainer network: a track of parts, an ordinary track, their mixture, and a decoder."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_max_pool2d, relu

from interp_explainer.params import ExplainerParams, NormKind
from interp_explainer.structure import Structure
from interp_explainer.template import make_templates, mask

FLOOR = 1e-6


class Encoded(NamedTuple):
    """What the encoder makes of F; all but `features` and `mixed` are on the grid of F."""

    first: Tensor
    """Maps of the first part layer, rectified, before their mask."""
    second: Tensor
    """Maps of the second part layer, rectified, before their mask: what the filter loss shapes."""
    raw: Tensor
    """The same before they were rectified."""
    parts: Tensor
    """The part maps: the second layer's, masked."""
    mixed: Tensor
    """p x_interp (B, C, gh, gw): the parts' share of the features."""
    features: Tensor
    """x_enc = p x_interp + (1 - p) x_ordin."""


class Rebuilt(NamedTuple):
    """The result of one forward pass; `logit` is w with p = sigmoid(w)."""

    encoded: Encoded
    goals: tuple[Tensor, ...]
    logit: Tensor


class Norm(nn.Module):
    """x / alpha_k: alpha_k the mean of filter k's positive activation over images and cells.

    During training the batch's own mean, with its gradient, or the running mean, a constant
    (`kind`); afterwards the running mean, which begins with the first batch. alpha is at least a
    share (`least`) of all filters' mean alpha, so that a filter that is hardly ever active is not
    blown up when it is (ours). The mean over cells, where the record has the sum, changes both
    tracks by one constant.
    """

    alpha: Tensor
    seen: Tensor

    def __init__(
        self, channels: int, momentum: float, least: float, kind: NormKind = "batch"
    ) -> None:
        super().__init__()
        self.momentum, self.least, self.kind = momentum, least, kind
        self.register_buffer("alpha", torch.ones(channels))
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, C, h, w), each filter's with a mean of about 1."""
        alpha = self.alpha
        if self.training:
            found = maps.clamp(min=0).float().mean((0, 2, 3))
            rate = torch.where(self.seen > 0, self.momentum, 1.0).to(found)
            self.alpha.lerp_(found.detach(), rate)
            self.seen.fill_(1)
            alpha = found if self.kind == "batch" else alpha
        least = (self.least * alpha.detach().mean()).clamp(min=FLOOR)
        return maps / alpha.maximum(least)[:, None, None]


class ExplainerNetwork(nn.Module):
    """From a performer's maps F (B, C, h, w) to its higher features, by way of parts.

    interpretable: F -> conv -> ReLU -> mask -> conv -> ReLU -> mask -> max pool -> norm
    ordinary:      F -> conv -> ReLU ---------------------------------> max pool -> norm
    """

    templates: Tensor

    def __init__(self, structure: Structure, params: ExplainerParams) -> None:
        super().__init__()
        inputs, filters = structure.channels, structure.filters
        self.structure, self.params = structure, params
        self.interp1 = nn.Conv2d(inputs, filters, 3, padding=1)
        self.interp2 = nn.Conv2d(filters, filters, 3, padding=1)
        self.ordinary = nn.Conv2d(inputs, filters, 3, padding=1)
        self.norm_interp, self.norm_ordinary = (
            Norm(filters, params.momentum, params.least, params.norm) for _ in range(2)
        )
        self.logit = nn.Parameter(torch.zeros(()))
        self.decoder = _decoder(structure)
        templates = make_templates(structure.grid, params.beta)
        self.register_buffer("templates", templates, persistent=False)

    @property
    def p(self) -> Tensor:
        """The share of the features that comes through parts."""
        return self.logit.sigmoid()

    @property
    def share(self) -> float:
        """p as a number."""
        return float(self.p.detach())

    def forward(self, maps: Tensor) -> Rebuilt:
        """The encoded maps, and the goals rebuilt from them in order."""
        encoded = self.encode(maps)
        return Rebuilt(encoded, self.decode(encoded.features), self.logit.clone())

    def encode(self, maps: Tensor) -> Encoded:
        """Both tracks and their mixture."""
        maps = maps / self.structure.unit
        first = relu(self.interp1(maps))
        raw = self.interp2(mask(first, self.templates, self.params.peak))
        second = relu(raw)
        parts = mask(second, self.templates, self.params.peak)
        mixed = self.p * self._pool(parts, self.norm_interp)
        rest = self._pool(relu(self.ordinary(maps)), self.norm_ordinary)
        return Encoded(first, second, raw, parts, mixed, mixed + (1 - self.p) * rest)

    def decode(self, features: Tensor) -> tuple[Tensor, ...]:
        """The goals from x_enc, each made from the one before."""
        found = []
        for step, goal in zip(self.decoder, self.structure.goals, strict=True):
            features = step(features)
            found.append(features * goal.unit)
        return tuple(found)

    def _pool(self, maps: Tensor, norm: Norm) -> Tensor:
        """Max pool (the same as 2x2/2 or 3x3/2 where the performer pools so) and norm a track."""
        pooled = self.structure.pooled
        if self.params.pool == "first":
            return norm(adaptive_max_pool2d(maps, pooled))
        return adaptive_max_pool2d(norm(maps), pooled)


def build(structure: Structure, params: ExplainerParams, seed: int = 0) -> ExplainerNetwork:
    """A network with weights drawn from the seed; torch's global generator is restored.

    The second part layer begins near the identity, so that parts found first are passed on (ours).
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        network = ExplainerNetwork(structure, params)
        with torch.no_grad():
            weight = network.interp2.weight
            nn.init.dirac_(weight)
            weight += params.spread * torch.randn(weight.shape)
            nn.init.zeros_(network.interp2.bias)  # type: ignore[arg-type]
    return network


def _decoder(structure: Structure) -> nn.ModuleList:
    """For each goal a linear layer (vector), a 1 x 1 convolution (map), or the mean over cells."""
    steps, channels, grid = nn.ModuleList(), structure.filters, structure.pooled
    for number, goal in enumerate(structure.goals):
        parts: list[nn.Module] = []
        cells = goal.grid or (grid if number == 0 else (1, 1))  # the first vector reads every cell
        if grid != cells:
            parts.append(nn.AdaptiveAvgPool2d(cells))
        if goal.grid:
            parts.append(nn.Conv2d(channels, goal.channels, 1))
        else:
            parts.append(nn.Flatten())
            if not goal.mean:
                parts.append(nn.Linear(channels * cells[0] * cells[1], goal.channels))
        if goal.rectified and not goal.mean:
            parts.append(nn.ReLU())
        steps.append(nn.Sequential(*parts))
        channels, grid = goal.channels, goal.grid or (1, 1)
    return steps
