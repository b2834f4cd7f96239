"""Channel gates: what a state does, how states are drawn, and the experiment through the engine."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interp.context import Budget, Context
from interp.engine.channel import AblationDesign, GateDesign
from interp.engine.design import GateSubject
from interp.engine.random import draw_states
from interp.engine.respond import respond
from interp.errors import UnsupportedError
from interp.testing import ToyModel

CPU = torch.device("cpu")
PINNED = ["010000011100", "000011001010", "011111110101", "011111011111"]


def test_distance_counts_closed_gates() -> None:
    design = GateDesign(6, CPU, seed=0)
    states = design.draw(1)
    assert design.distance(states).tolist() == [(6 - int(row.sum())) for row in states]
    half = torch.tensor([[0.5, 1, 1, 1, 1, 0]])
    assert design.distance(half).tolist() == [1.25]


def test_channels_have_no_place() -> None:
    with pytest.raises(UnsupportedError, match="no place"):
        GateDesign(6, CPU, seed=0).paint(np.ones(6))


@pytest.mark.parametrize("keep", [0.2, 0.9, "uniform"])
def test_gates_begin_with_the_anchors_and_repeat(keep) -> None:
    design = GateDesign(6, CPU, seed=4, keep=keep)
    first = design.draw(0)
    assert first.shape == (128, 6) and first[0].all() and not first[1].any()
    assert torch.equal(first, GateDesign(6, CPU, seed=4, keep=keep).draw(0))
    assert not torch.equal(design.draw(1), design.draw(2))


def test_keys_tell_laws_apart() -> None:
    designs = [
        GateDesign(6, CPU, 0),
        GateDesign(6, CPU, 1),
        GateDesign(6, CPU, 0, "other"),
        GateDesign(6, CPU, 0, keep=0.25),
        GateDesign(6, CPU, 0, keep="uniform"),
        GateDesign(5, CPU, 0),
        AblationDesign(6, CPU),
        AblationDesign(5, CPU),
    ]
    assert len({each.key for each in designs}) == len(designs)


def test_uniform_states_are_pinned() -> None:
    """Same samples on every machine, for ever."""
    states = draw_states(7, "pin", 3, (4, 12), "uniform")
    assert ["".join(map(str, row)) for row in states] == PINNED
    assert states.dtype == np.uint8


def test_uniform_rates_are_even_between_half_and_one() -> None:
    """Each row by its own rate: mean 3/4, variance 1/48 (within a row independent)."""
    rates = draw_states(0, "rates", 0, (4000, 2000), "uniform").mean(1)
    assert abs(rates.mean() - 0.75) < 0.01
    assert abs(rates.var() - 1 / 48) < 0.001
    assert (
        rates.min() > 0.45 and np.quantile(rates, 0.02) < 0.53 and np.quantile(rates, 0.98) > 0.97
    )


def test_a_fixed_rate_draws_what_it_always_drew() -> None:
    states = draw_states(0, "regions", 0, (2, 8), 0.5)
    assert states.tolist() == [[1, 1, 1, 1, 1, 1, 1, 0], [1, 1, 0, 0, 1, 0, 1, 1]]


@pytest.mark.parametrize("parts", [6, 126, 127, 300])
def test_ablation_closes_each_channel_once(parts: int) -> None:
    design = AblationDesign(parts, CPU)
    chunks = -(-design.size // design.chunk)
    states = torch.cat([design.draw(chunk) for chunk in range(chunks)])
    assert states.shape == (parts + 2, parts) and states.dtype == torch.uint8
    assert states[0].all() and not states[1].any()
    assert torch.equal(states[2:], 1 - torch.eye(parts, dtype=torch.uint8))


@pytest.mark.parametrize("batch_size", [1, 5, None])
@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_ablation_through_the_engine_is_a_loop(layer: str, batch_size: int | None) -> None:
    model = ToyModel()
    images = torch.from_numpy(np.random.default_rng(2).random((1, 3, 32, 32), np.float32))
    cut = model.cut(layer)
    frontier = cut.prefix(images)
    design = AblationDesign(cut.layer.channels, CPU)
    context = Context(budget=Budget(batch_size=batch_size))
    subject = GateSubject(model, cut, frontier)
    answers = list(respond(context, subject, design, "logit", 10**6))
    scores = torch.cat([each.scores for each in answers])
    assert len(scores) == design.parts + 2
    torch.testing.assert_close(scores[0], model.predict(images)[0], rtol=1e-5, atol=1e-5)
    for channel in range(design.parts):
        without = frontier.activation.clone()
        without[0, channel] = 0
        expected = cut.suffix(frontier, without)[0]
        torch.testing.assert_close(scores[2 + channel], expected, rtol=1e-5, atol=1e-5)
