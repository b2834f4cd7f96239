"""The frozen network is asked once for each image, and remembers what it said."""

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
def asked(model: ModelAdapter, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each call asked the model about."""
    counts: list[int] = []
    ask = model.activations

    def counted(images: torch.Tensor, layers: Any) -> Any:
        counts.append(len(images))
        return ask(images, layers)

    monkeypatch.setattr(model, "activations", counted)
    return counts


def test_answers_are_the_network_s_own(model: ModelAdapter, squares: Any, asked: list[int]) -> None:
    context = Context()
    samples = gather_unlabelled(model, squares(20), context)
    learning, held = samples.split(0.2, 0)
    plain = Performer(model, find_structure(model, None, (), None))
    performer = cache_activations(plain, learning, held, True, context)
    asked.clear()
    images = learning.images([3, 0, 7]).float() / 255  # type: ignore[arg-type]
    for each in (images, images.flip(3)):
        maps, goals = performer.activations(each)
        assert not asked
        wanted, aims = plain.activations(each)
        asked.clear()
        torch.testing.assert_close(maps, wanted)
        for goal, aim in zip(goals, aims, strict=True):
            torch.testing.assert_close(goal, aim)
    assert torch.equal(
        performer.activations(1 - images)[0], plain.activations(1 - images)[0]
    )  # unknown: asked
    assert asked == [3, 3]


def test_learning_asks_once(
    model: ModelAdapter, squares: Any, method: Any, asked: list[int]
) -> None:
    totals = []
    for epochs in (1, 4):
        asked.clear()
        method(epochs=epochs).fit(model, squares(20), Context())
        totals.append(sum(asked))
    assert totals[0] == totals[1]


def test_more_than_memory_holds_is_asked_again(model: ModelAdapter, squares: Any) -> None:
    plain = Performer(model, find_structure(model, None, (), None))
    learning, held = gather_unlabelled(model, squares(20), Context()).split(0.2, 0)
    kept = cache_activations(plain, learning, held, True, Context())
    assert isinstance(kept, CachedPerformer) and len(kept.cache) == 2 * 16 + 4
    few = Context(budget=Budget(memory=10_000))
    assert cache_activations(plain, learning, held, True, few) is plain
