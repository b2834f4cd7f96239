"""Moments, a shift and a constraint give Shapley values: against their definition."""

import itertools
import math

import pytest
import torch

from interp.engine.moments import Moments
from interp.engine.solve import constrained_least_squares

PARTS, TARGETS = 5, 2


def game(seed: int) -> torch.Tensor:
    """Scores (2^P, T) of every coalition, nothing linear about them."""
    random = torch.Generator().manual_seed(seed)
    return torch.randn(2**PARTS, TARGETS, generator=random, dtype=torch.float64)


def coalitions() -> torch.Tensor:
    """Every state (2^P, P), all-on and all-off first, as a design's first chunk has them."""
    every = torch.tensor(list(itertools.product((0, 1), repeat=PARTS)), dtype=torch.uint8)
    return torch.cat([every[-1:], every[:1], every[1:-1]])


def kernel(states: torch.Tensor) -> torch.Tensor:
    """The Shapley kernel; the two ends, whose weight is infinite, are the constraint's affair."""
    on = states.sum(1).tolist()
    return torch.tensor(
        [
            0.0 if each in (0, PARTS) else 1 / (math.comb(PARTS, each) * each * (PARTS - each))
            for each in on
        ],
        dtype=torch.float64,
    )


def by_definition(states: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    """The mean gain of each part over all orders of joining, (T, P)."""
    known = {tuple(state): score for state, score in zip(states.tolist(), scores, strict=True)}
    gains = torch.zeros(TARGETS, PARTS, dtype=torch.float64)
    orders = list(itertools.permutations(range(PARTS)))
    for order in orders:
        state = [0] * PARTS
        for part in order:
            before = known[tuple(state)]
            state[part] = 1
            gains[:, part] += known[tuple(state)] - before
    return gains / len(orders)


@pytest.mark.parametrize("seed", range(4))
def test_the_constrained_fit_of_moments_is_the_shapley_value(seed: int) -> None:
    states, scores = coalitions(), game(seed)
    moments = Moments("game")
    moments.add(0, states, scores, kernel(states))
    assert moments.full is not None
    assert moments.empty is not None
    drop_intercept = torch.eye(PARTS + 1, dtype=torch.float64)[:, 1:]
    gain = moments.full - moments.empty
    sums = moments.shift(moments.empty).map(drop_intercept).total
    ones = torch.ones(PARTS, dtype=torch.float64)
    found = constrained_least_squares(sums.gram, sums.b, ones, gain)
    torch.testing.assert_close(found, by_definition(states, scores), rtol=1e-9, atol=1e-9)
