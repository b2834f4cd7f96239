"""The explainer network: a track of parts, an ordinary one, their mixture, and a decoder."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_max_pool2d, relu

from interp_explainer.structure import Goal, Structure
from interp_explainer.template import Peak, make_templates, mask

FLOOR = 1e-6
LEAST = 0.01
"""Of the mean alpha: a filter that hardly ever fires is not blown up when it does; ours."""
MOMENTUM = 0.1
"""Of the norm's running mean, as batch normalisation has it; ours."""
SPREAD = 0.01
"""Standard deviation of conv-interp-2's first weights about the identity; ours."""


class Encoded(NamedTuple):
    """What the encoder makes of maps; all but `features` and `mixed` on the grid that was read."""

    first: Tensor
    """Maps of conv-interp-1, rectified, before their mask."""
    second: Tensor
    """Maps of conv-interp-2, rectified, before their mask: what the filter loss shapes."""
    raw: Tensor
    """The same before they were rectified."""
    parts: Tensor
    """The part maps: conv-interp-2's, masked."""
    mixed: Tensor
    """p x_interp (B, C, gh, gw): the parts' share of the features."""
    features: Tensor
    """x_enc = p x_interp + (1 - p) x_ordin."""


class Rebuilt(NamedTuple):
    """Everything of one pass; `logit` is w with p = sigmoid(w)."""

    encoded: Encoded
    goals: tuple[Tensor, ...]
    logit: Tensor


class Norm(nn.Module):
    """x / alpha_k: alpha_k the running mean over images and cells of what is positive.

    Begins with the first batch. The mean over cells, where the record has the sum, changes both
    tracks by one constant.
    """

    alpha: Tensor
    seen: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("alpha", torch.ones(channels))
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, C, h, w) of mean about 1 each."""
        if self.training:
            found = maps.detach().clamp(min=0).float().mean((0, 2, 3))
            rate = torch.where(self.seen > 0, MOMENTUM, 1.0).to(found)
            self.alpha.lerp_(found, rate)
            self.seen.fill_(1)
        least = (LEAST * self.alpha.mean()).clamp(min=FLOOR)
        return maps / self.alpha.maximum(least)[:, None, None]


class ExplainerNetwork(nn.Module):
    """From maps F (B, C, h, w) of a performer to its higher features, by way of parts.

    interpretable: F -> conv -> ReLU -> mask -> conv -> ReLU -> mask -> max pool -> norm
    ordinary:      F -> conv -> ReLU ---------------------------------> max pool -> norm
    """

    templates: Tensor

    def __init__(self, structure: Structure, beta: float, peak: Peak) -> None:
        super().__init__()
        inputs, filters = structure.channels, structure.filters
        self.structure, self.peak = structure, peak
        self.interp1 = nn.Conv2d(inputs, filters, 3, padding=1)
        self.interp2 = nn.Conv2d(filters, filters, 3, padding=1)
        self.ordinary = nn.Conv2d(inputs, filters, 3, padding=1)
        self.norm_interp, self.norm_ordinary = Norm(filters), Norm(filters)
        self.logit = nn.Parameter(torch.zeros(()))
        self.decoder = nn.ModuleList(_steps(structure))
        self.register_buffer("templates", make_templates(structure.grid, beta), persistent=False)

    @property
    def p(self) -> Tensor:
        """The share of features that comes through parts."""
        return self.logit.sigmoid()

    @property
    def share(self) -> float:
        """p as a number."""
        return float(self.p.detach())

    def forward(self, maps: Tensor) -> Rebuilt:
        """Encoded and rebuilt; the goals in their order."""
        encoded = self.encode(maps)
        return Rebuilt(encoded, self.decode(encoded.features), self.logit.clone())

    def encode(self, maps: Tensor) -> Encoded:
        """Both tracks."""
        first = relu(self.interp1(maps))
        raw = self.interp2(mask(first, self.templates, self.peak))
        second = relu(raw)
        parts = mask(second, self.templates, self.peak)
        mixed = self.p * self.norm_interp(self._pool(parts))
        rest = self.norm_ordinary(self._pool(relu(self.ordinary(maps))))
        return Encoded(first, second, raw, parts, mixed, mixed + (1 - self.p) * rest)

    def decode(self, features: Tensor) -> tuple[Tensor, ...]:
        """The goals from x_enc, each made of the one before."""
        found = []
        for step in self.decoder:
            features = step(features)
            found.append(features)
        return tuple(found)

    def _pool(self, maps: Tensor) -> Tensor:
        """As the performer pools before its first goal: 2x2/2 and 3x3/2 are such poolings too."""
        return adaptive_max_pool2d(maps, self.structure.pooled)


def build(structure: Structure, beta: float, peak: Peak, seed: int = 0) -> ExplainerNetwork:
    """A network with weights drawn from the seed; torch's global generator is put back.

    conv-interp-2 begins near the identity, so that parts found first are handed on (ours).
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        network = ExplainerNetwork(structure, beta, peak)
        with torch.no_grad():
            weight = network.interp2.weight
            nn.init.dirac_(weight)
            weight += SPREAD * torch.randn(weight.shape)
            nn.init.zeros_(network.interp2.bias)  # type: ignore[arg-type]
    return network


def _steps(structure: Structure) -> list[nn.Module]:
    """The decoder's parts: fully connected to vectors, 1 x 1 to maps, or a plain mean."""
    steps, channels, grid = [], structure.filters, structure.pooled
    inside: tuple[int, int] | None = grid
    for number, goal in enumerate(structure.goals):
        steps.append(_step(goal, channels, inside, whole=number == 0))
        channels, inside = goal.channels, goal.grid
    return steps


def _step(goal: Goal, channels: int, grid: tuple[int, int] | None, whole: bool) -> nn.Module:
    """From features of `channels` and `grid`; a vector is made of every cell if `whole`."""
    parts: list[nn.Module] = []
    if goal.grid is not None:
        parts = [nn.AdaptiveAvgPool2d(goal.grid)] if grid != goal.grid else []
        parts.append(nn.Conv2d(channels, goal.channels, 1))
    else:
        if grid is not None and not whole:
            parts, grid = [nn.AdaptiveAvgPool2d(1)], (1, 1)
        height, width = grid or (1, 1)
        parts.append(nn.Flatten())
        if not goal.mean:
            parts.append(nn.Linear(channels * height * width, goal.channels))
    if goal.rectified and not goal.mean:
        parts.append(nn.ReLU())
    return nn.Sequential(*parts)
