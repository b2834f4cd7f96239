"""The cache of activations: the network runs once for each image."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from interp.context import Budget, Context
from interp.model import ModelAdapter
from interp.training.samples import gather_unlabelled
from interp_explainer.performer import CachedPerformer, Performer, cache_activations
from interp_explainer.structure import find_structure


@pytest.fixture
def calls(model: ModelAdapter, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each call calls the model about."""
    counts: list[int] = []
    ask = model.activations

    def counted(images: torch.Tensor, layers: Any) -> Any:
        counts.append(len(images))
        return ask(images, layers)

    monkeypatch.setattr(model, "activations", counted)
    return counts


def test_answers_are_the_network_s_own(model: ModelAdapter, squares: Any, calls: list[int]) -> None:
    context = Context()
    samples = gather_unlabelled(model, squares(20), context)
    learning, held = samples.split(0.2, 0)
    plain = Performer(model, find_structure(model, None, (), None))
    performer = cache_activations(plain, learning, held, True, context)
    calls.clear()
    images = learning.images([3, 0, 7]).float() / 255  # type: ignore[arg-type]
    for each in (images, images.flip(3)):
        maps, goals = performer.activations(each)
        assert not calls
        wanted, aims = plain.activations(each)
        calls.clear()
        torch.testing.assert_close(maps, wanted)
        for goal, aim in zip(goals, aims, strict=True):
            torch.testing.assert_close(goal, aim)
    assert torch.equal(
        performer.activations(1 - images)[0], plain.activations(1 - images)[0]
    )  # not cached
    assert calls == [3, 3]


def test_learning_asks_once(
    model: ModelAdapter, squares: Any, method: Any, calls: list[int]
) -> None:
    totals = []
    for epochs in (1, 4):
        calls.clear()
        method(epochs=epochs).fit(model, squares(20), Context())
        totals.append(sum(calls))
    assert totals[0] == totals[1]


def test_more_than_memory_holds_is_asked_again(model: ModelAdapter, squares: Any) -> None:
    plain = Performer(model, find_structure(model, None, (), None))
    learning, held = gather_unlabelled(model, squares(20), Context()).split(0.2, 0)
    kept = cache_activations(plain, learning, held, True, Context())
    assert isinstance(kept, CachedPerformer) and len(kept.cache) == 2 * 16 + 4
    few = Context(budget=Budget(memory=10_000))
    assert cache_activations(plain, learning, held, True, few) is plain
