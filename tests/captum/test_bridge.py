"""What the bridge asks of a model: scores with and without autograd."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch

from interp.context import Budget, Context
from interp.errors import InputError, UnsupportedError
from interp.spec import Capability
from interp.target import Target
from interp.testing import ToyModel
from interp.testing.conformance import Narrowed
from interp_captum.bridge import Score
from interp_captum.method import MOST_STEPS, path_steps


@pytest.mark.parametrize("training", [False, True])
def test_forward_is_predict_recorded_for_autograd(small: Callable, training: bool) -> None:
    model = small()
    module = model.module().train(training)
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    leaf = images.clone().requires_grad_()
    with torch.no_grad():  # whatever surrounds it
        scores = model.forward(leaf)
    torch.testing.assert_close(scores.detach(), model.predict(images))
    (slopes,) = torch.autograd.grad(scores[:, 1].sum(), leaf)
    torch.testing.assert_close(slopes, model.gradient(images, [Target(1, "one")]))
    assert module.training is training


def test_forward_needs_gradients() -> None:
    with pytest.raises(UnsupportedError, match="GRADIENTS"):
        Narrowed(ToyModel(), frozenset({Capability.PREDICT})).forward(torch.zeros(1, 3, 32, 32))


def scored(model: ToyModel, seconds: float, total: int) -> Score:
    """A score of which a few images were scored, at two looks on the clock, so 2 s, an image."""
    clock = itertools.count()
    context = Context(budget=Budget(seconds=seconds), started=-1e9)
    score = Score(model, Target(1, "one"), "logit", context, total=total)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("interp_captum.bridge.time.monotonic", lambda: float(next(clock)))
        for _ in range(4):
            score.without_gradient(torch.zeros(1, 3, 32, 32))
    return score


def test_far_too_little_time_is_told_since_there_is_no_answer_before_the_end() -> None:
    with pytest.raises(InputError, match=r"1,000 images take about 33 minutes, with no answer"):
        scored(ToyModel(), 1, 1000)


@pytest.mark.parametrize(("seconds", "total"), [(1, 4), (100, 400)])
def test_a_little_more_time_is_taken(seconds: float, total: int) -> None:
    assert scored(ToyModel(), seconds, total).count == 4


@pytest.mark.parametrize(("samples", "steps"), [(None, 50), (30, 30), (10**9, MOST_STEPS)])
def test_a_path_has_a_bounded_number_of_points(samples: int | None, steps: int) -> None:
    assert path_steps(Context(budget=Budget(samples=samples)), 50) == steps


def test_a_path_has_two_ends() -> None:
    with pytest.raises(InputError, match="expected at least 2"):
        path_steps(Context(budget=Budget(samples=1)), 50)
