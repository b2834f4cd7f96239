"""The filter loss: minus the mutual information between a filter's maps and the place of a part.

p(x|T) = exp(tr(x T)) / Z_T over the images of a batch; T is one of the P places, or nowhere; on
record all P + 1 are equally likely.
Loss_f = -sum_T p(T) sum_x p(x|T) log(p(x|T) / p(x)).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

FLOOR = 1e-6
TAU = 0.5
"""Amplitude of the templates times the number of cells: tau = .5 / n^2."""


def filter_loss(
    maps: Tensor, templates: Tensor, level: float, nowhere: float | None = None
) -> tuple[Tensor, Tensor]:
    """`surrogate_loss` of maps scaled to a mean peak of `level`, since tau suits peaks of 100."""
    return surrogate_loss(scaled(maps, level), templates, nowhere)


def surrogate_loss(
    maps: Tensor, templates: Tensor, nowhere: float | None = None
) -> tuple[Tensor, Tensor]:
    """A loss with the gradient of Loss_f, and the mutual information in nats, (C,) each.

    maps (B, C, h, w) >= 0 before their mask; templates (P, P) of amplitude 1; `nowhere` is the
    prior p(T) of no place. The loss's gradient is that of Loss_f with Z_T held constant:

        dLoss_f / dx = -sum_T p(T) T p(x|T) (log p(x|T) - log p(x))
    """
    flat, tau = maps.flatten(2), TAU / len(templates)
    places = flat @ (tau * templates).T.to(flat)
    fits = torch.cat([places, -tau * flat.sum(2, keepdim=True)], 2)  # tr(x T), (B, C, P + 1)
    with torch.no_grad():
        given = fits - fits.logsumexp(0)  # log p(x|T)
        prior = _log_prior(len(templates), nowhere).to(fits)
        gain = given - (prior + given).logsumexp(2, keepdim=True)  # log p(x|T) / p(x)
        weight = (prior + given).exp() * gain
    return -(weight * fits).sum((0, 2)), weight.sum((0, 2))


def scaled(maps: Tensor, level: float) -> Tensor:
    """Maps (B, C, h, w) scaled so that each filter's largest cell is `level` in the batch's mean.

    No gradient flows through the scale. The mean over the batch at hand is ours.
    """
    peak = maps.detach().amax((2, 3)).mean(0).clamp(min=FLOOR)  # (C,)
    return maps * (level / peak)[:, None, None]


def _log_prior(places: int, nowhere: float | None) -> Tensor:
    """log p(T) of every place and, last, of nowhere, (P + 1,); by default all are equal."""
    absent = 1 / (places + 1) if nowhere is None else nowhere
    found = torch.full((places + 1,), math.log((1 - absent) / places), dtype=torch.float64)
    found[-1] = math.log(absent)
    return found
