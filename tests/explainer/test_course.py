"""The training step: its loss by hand, what reaches it, and what the weights do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from interp.context import Context
from interp.encoding import encode
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.spec import InputSpec
from interp_explainer.course import Course
from interp_explainer.information import filter_loss
from interp_explainer.known import Known
from interp_explainer.network import build
from interp_explainer.params import ExplainerParams
from interp_explainer.performer import Performer, decode
from interp_explainer.pool import gather_images
from interp_explainer.structure import find_structure
from interp_explainer.survey import informed, look


@pytest.fixture
def course(model: ModelAdapter, squares: Any) -> Course:
    params = ExplainerParams(warm_up=2, contribution=0.3, filter_share=0.2)
    structure = find_structure(model, None, (), None)
    network = build(structure, params.beta, params.peak)
    held = gather_images(model, squares(8), Context())
    return Course(Performer(model, structure), network, params, held)


@pytest.fixture
def inputs(model: ModelAdapter, squares: Any) -> torch.Tensor:
    samples = gather_images(model, squares(20), Context())
    return encode(samples.images(np.arange(20)).float() / 255, model.spec.input)


def test_decoding_undoes_encoding() -> None:
    images = torch.rand(2, 3, 5, 5)
    for order in ("RGB", "BGR"):
        spec = InputSpec(size=(5, 5), order=order)  # type: ignore[arg-type]
        torch.testing.assert_close(decode(encode(images, spec), spec), images)


@pytest.mark.parametrize("epoch", [0, 2, 3, 4, 7])
def test_the_loss_by_hand(course: Course, inputs: torch.Tensor, epoch: int) -> None:
    network = course.network.eval()
    found = course.step(epoch, network, inputs)
    maps, goals = course.performer.look(decode(inputs, course.performer.model.spec.input))
    rebuilt = network(maps)
    errors = [
        ((x - y) ** 2).sum() / (y**2).sum() for x, y in zip(rebuilt.goals, goals, strict=True)
    ]
    loss, second = errors[0] + errors[1], rebuilt.encoded.second
    for name, error in zip(("error relu1", "error relu2"), errors, strict=True):
        torch.testing.assert_close(found[name], error)
    assert ("information" in found) == (epoch >= 2)
    if epoch >= 2:
        shaped = sum(
            filter_loss(each, network.templates, 100.0)[0].mean()
            for each in (rebuilt.encoded.first, second)
        )
        one = torch.autograd.grad(loss, second, retain_graph=True)[0].norm()
        other = torch.autograd.grad(shaped, second, retain_graph=True)[0].norm()
        weight = 0.2 / (epoch - 1) * one / other
        loss = loss + weight * shaped
    if epoch >= 4:
        loss = loss - 0.3 * torch.log(network.p)
    torch.testing.assert_close(found["loss"], loss)


def test_labels_are_left_behind(model: ModelAdapter, squares: Any) -> None:
    samples = gather_images(model, squares(12), Context())
    assert len(samples) == 12 and not samples.labels.any()
    unlabelled = gather_images(model, squares(12, (None,) * 12), Context())
    assert torch.equal(samples.images(np.arange(12)), unlabelled.images(np.arange(12)))


def test_labels_can_not_reach_the_step(course: Course, inputs: torch.Tensor) -> None:
    """Whatever the loop hands on as labels: the loss and every gradient are the same bits."""
    found = []
    course.network.eval()
    for labels in (torch.arange(20), torch.full((20,), -7), None):
        losses = course.losses(5, course.modules, inputs, labels)  # type: ignore[arg-type]
        course.network.zero_grad()
        losses["loss"].backward()
        grads = [each.grad.clone() for each in course.network.parameters() if each.grad is not None]
        found.append([losses["loss"].detach(), *grads])
    for other in found[1:]:
        assert all(torch.equal(*pair) for pair in zip(found[0], other, strict=True))


def test_shuffled_labels_learn_the_same(
    model: ModelAdapter, squares: Any, method: Callable[..., Any], learned: Knowledge
) -> None:
    labels = tuple(int(each) for each in np.random.default_rng(0).integers(0, 3, 40))
    other = method().fit(model, squares(40, labels), Context())
    assert all(np.array_equal(learned.arrays[name], other.arrays[name]) for name in other.arrays)


def test_silent_filters_do_no_harm(course: Course, inputs: torch.Tensor) -> None:
    with torch.no_grad():
        course.network.interp2.weight.zero_()
        course.network.interp2.bias.fill_(-1.0)  # type: ignore[union-attr]
    course.network.train()
    losses = course.step(5, course.network, inputs)
    losses["loss"].backward()
    assert losses["loss"].isfinite()
    grads = [each.grad for each in course.network.parameters() if each.grad is not None]
    assert all(each.isfinite().all() and each.abs().max() < 1e3 for each in grads)


@pytest.mark.slow
def test_what_the_weights_do(model: ModelAdapter, squares: Any, method: Callable[..., Any]) -> None:
    """A large eta: p to 1 and a larger error than of a copied start that may keep its ordinary
    track. A large filter loss: more information and a larger error.
    """

    def learn(**said: Any) -> tuple[dict[str, Any], float, float]:
        found = method(epochs=25, warm_up=0, p_rate=0.3, **said).fit(model, squares(), Context())
        known, row = Known.open(model, found), found.about["log"][-1]
        told = informed(look(known, squares(), 40, Context()).second, known).mean()
        return row, row["error relu1"] + row["error relu2"], float(told)

    free, low, _ = learn(start="copied", contribution=0.0, filter_share=0.0)
    large, high, _ = learn(start="copied", contribution=20.0, filter_share=0.0)
    assert large["p"] > 0.98 and free["p"] < 0.9 and high > 2 * low
    _, low, blind = learn(contribution=0.0, filter_share=0.0)
    _, high, told = learn(contribution=0.0, filter_share=2.0)
    assert told > 1.5 * blind and high > low


def test_what_is_measured_on_images_held_out(course: Course) -> None:
    course.network.eval()
    row = course.measure(0)
    assert row["p"] == 0.5
    seen = course.held
    maps, goals = course.performer.look(seen.images(np.arange(8)).float() / 255)
    with torch.no_grad():
        found = course.network(maps)
    error = ((found.goals[1] - goals[1]) ** 2).sum() / (goals[1] ** 2).sum()
    assert row["held error relu2"] == pytest.approx(error.item(), abs=1e-3)
    kept = found.encoded.parts.sum() / found.encoded.second.sum()
    assert row["coverage"] == pytest.approx(kept.item(), abs=1e-3)
