"""The training step: its loss by hand, what reaches it, and what the weights do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from interp.context import Context
from interp.dataset import Example
from interp.errors import PluginError
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.network.preprocess import encode
from interp.spec import InputSpec
from interp.training.samples import Samples, gather_unlabelled
from interp_explainer.information import filter_loss
from interp_explainer.knowledge import TrainedExplainer
from interp_explainer.network import build
from interp_explainer.params import ExplainerParams
from interp_explainer.performer import Performer, decode
from interp_explainer.structure import find_structure
from interp_explainer.survey import collect_maps, filter_information
from interp_explainer.training_task import ExplainerTask


@pytest.fixture
def task(model: ModelAdapter, squares: Any) -> ExplainerTask:
    params = ExplainerParams(warm_up=2, contribution=0.3, filter_share=0.2, filter_decay=1.0)
    structure = find_structure(model, None, (), None)
    network = build(structure, params)
    held = gather_unlabelled(model, squares(8), Context())
    return ExplainerTask(Performer(model, structure), network, params, held)


@pytest.fixture
def inputs(model: ModelAdapter, squares: Any) -> torch.Tensor:
    samples = gather_unlabelled(model, squares(20), Context())
    return encode(samples.images(np.arange(20)).float() / 255, model.spec.input)


def test_decoding_undoes_encoding() -> None:
    images = torch.rand(2, 3, 5, 5)
    for order in ("RGB", "BGR"):
        spec = InputSpec(size=(5, 5), order=order)  # type: ignore[arg-type]
        torch.testing.assert_close(decode(encode(images, spec), spec), images)


@pytest.mark.parametrize("epoch", [0, 2, 3, 4, 7])
@pytest.mark.parametrize("options", [{}, {"shaped": "second", "nowhere": 0.5, "level": 30.0}])
def test_the_loss_by_hand(
    task: ExplainerTask, inputs: torch.Tensor, epoch: int, options: dict[str, Any]
) -> None:
    task.params = task.params.model_copy(update=options)
    network, first = task.network.eval(), not options
    found = task.step(epoch, network, inputs)
    maps, goals = task.performer.activations(decode(inputs, task.performer.model.spec.input))
    rebuilt = network(maps)
    errors = [
        ((x - y) ** 2).sum() / (y**2).sum() for x, y in zip(rebuilt.goals, goals, strict=True)
    ]
    loss, second = errors[0] + errors[1], rebuilt.encoded.second
    for name, error in zip(("error relu1", "error relu2"), errors, strict=True):
        torch.testing.assert_close(found[name], error)
    assert ("information" in found) == (epoch >= 2)
    if epoch >= 2:
        measure = (100.0, None) if first else (30.0, 0.5)
        shaped = sum(
            filter_loss(each, network.templates, *measure)[0].mean()
            for each in ([rebuilt.encoded.first, second] if first else [second])
        )
        one = torch.autograd.grad(loss, second, retain_graph=True)[0].norm()
        other = torch.autograd.grad(shaped, second, retain_graph=True)[0].norm()
        weight = 0.2 / (epoch - 1) * one / other
        loss = loss + weight * shaped
    if epoch >= 4:
        loss = loss - 0.3 * torch.log(network.p)
    torch.testing.assert_close(found["loss"], loss)


def test_labels_are_left_behind(model: ModelAdapter, squares: Any) -> None:
    samples = gather_unlabelled(model, squares(12), Context())
    assert len(samples) == 12 and not samples.labels.any()
    unlabelled = gather_unlabelled(model, squares(12, (None,) * 12), Context())
    assert torch.equal(samples.images(np.arange(12)), unlabelled.images(np.arange(12)))


def test_labels_can_not_reach_the_step(task: ExplainerTask, inputs: torch.Tensor) -> None:
    """Whatever the loop hands on as labels: the loss and every gradient are the same bits."""
    found = []
    task.network.eval()
    for labels in (torch.arange(20), torch.full((20,), -7), None):
        losses = task.losses(5, task.modules, inputs, labels)  # type: ignore[arg-type]
        task.network.zero_grad()
        losses["loss"].backward()
        grads = [each.grad.clone() for each in task.network.parameters() if each.grad is not None]
        found.append([losses["loss"].detach(), *grads])
    for other in found[1:]:
        assert all(torch.equal(*pair) for pair in zip(found[0], other, strict=True))


def test_shuffled_labels_learn_the_same(
    model: ModelAdapter, squares: Any, method: Callable[..., Any], learned: Knowledge
) -> None:
    labels = tuple(int(each) for each in np.random.default_rng(0).integers(0, 3, 40))
    other = method().fit(model, squares(40, labels), Context())
    assert all(np.array_equal(learned.arrays[name], other.arrays[name]) for name in other.arrays)


class Seal(Example):
    """Whoever reads what people know of the image gets an error."""

    def __getattribute__(self, name: str) -> Any:
        if name in ("label", "instances"):
            raise PermissionError(f"{name} was read")
        return super().__getattribute__(name)


def test_nothing_that_people_know_is_read(
    model: ModelAdapter, squares: Any, method: Callable[..., Any], learned: Knowledge
) -> None:
    """A whole training in which reading a label, a box, a part or a class is an error."""

    class Sealed(squares):  # type: ignore[misc]
        @property
        def classes(self) -> tuple[str, ...]:
            raise PermissionError("classes were read")

        def __getitem__(self, index: int) -> Example:
            known = super().__getitem__(index)
            return Seal(known.name, known.image, known.label, known.instances)

    found = method().fit(model, Sealed(), Context())
    assert all(np.array_equal(learned.arrays[name], found.arrays[name]) for name in found.arrays)
    with pytest.raises(PluginError, match="instances was read"):
        method(crop=1.0).fit(model, Sealed(), Context())  # the seal holds: a crop asks for boxes


def test_a_training_that_reads_labels_is_found_out(
    model: ModelAdapter, squares: Any, method: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What shuffled labels must not change, they change once the two walls are taken down."""

    def gathered(model: ModelAdapter, dataset: Any, context: Context) -> Samples:
        samples = gather_unlabelled(model, dataset, context)
        return replace(samples, labels=np.array([each.label for each in dataset]))

    def losses(self: ExplainerTask, epoch: int, modules: Any, images: Any, labels: Any) -> Any:
        terms = self.step(epoch, modules["network"], images)
        return {**terms, "loss": terms["loss"] * (1 + labels.float().mean())}

    monkeypatch.setattr("interp_explainer.fit.gather_unlabelled", gathered)
    monkeypatch.setattr(ExplainerTask, "losses", losses)
    shuffled = tuple(int(each) for each in np.random.default_rng(0).integers(0, 3, 40))
    one, other = (
        method(epochs=2).fit(model, squares(40, labels), Context()).arrays
        for labels in ((), shuffled)
    )
    assert not np.array_equal(one["interp1.weight"], other["interp1.weight"])


def test_silent_filters_do_no_harm(task: ExplainerTask, inputs: torch.Tensor) -> None:
    with torch.no_grad():
        task.network.interp2.weight.zero_()
        task.network.interp2.bias.fill_(-1.0)  # type: ignore[union-attr]
    task.network.train()
    losses = task.step(5, task.network, inputs)
    losses["loss"].backward()
    assert losses["loss"].isfinite()
    grads = [each.grad for each in task.network.parameters() if each.grad is not None]
    assert all(each.isfinite().all() and each.abs().max() < 1e3 for each in grads)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_acceptance_6_a_large_eta_takes_p_to_one_and_free_features_have_the_lowest_error(
    squares: Any, method: Callable[..., Any], opened: Callable[..., ModelAdapter], seed: int
) -> None:
    """From a copied start the ordinary track is the performer: all else is worse than that.

    Without eta p falls, and a filter loss has hardly anything to spoil.
    """
    model = opened(seed)

    def learn(eta: float, share: float) -> tuple[float, float]:
        options = {"contribution": eta, "filter_share": share, "start": "copied", "rate": 1e-3}
        known = method(epochs=25, warm_up=0, p_rate=0.3, **options).fit(
            model, squares(), Context(seed=seed)
        )
        last = known.about["log"][-1]
        return last["p"], last["error relu1"] + last["error relu2"]

    settings = [(0.0, 0.0), (0.3, 0.0), (20.0, 0.0), (0.0, 30.0), (20.0, 30.0)]
    (free, least), *others = (learn(*each) for each in settings)
    p, errors = zip(*others, strict=True)
    assert free < 0.1 < p[0] < 0.9 and p[1] > 0.97 and p[3] > 0.97
    assert least < 0.05 and errors[0] > 3 * least and errors[1] > 2 * errors[0]
    assert errors[3] > 1.2 * errors[1]  # where all goes through parts, shaping them has a price
    assert errors[2] > 0.9 * least


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_filter_loss_gives_filters_a_place(
    squares: Any, method: Callable[..., Any], opened: Callable[..., ModelAdapter], seed: int
) -> None:
    model = opened(seed)

    def learn(share: float) -> float:
        options = {"contribution": 0.0, "filter_share": share}
        found = method(epochs=25, warm_up=0, **options).fit(model, squares(), Context(seed=seed))
        known = TrainedExplainer.read(model, found)
        return float(
            filter_information(collect_maps(known, squares(), 40, Context()).second, known).mean()
        )

    assert learn(2.0) > 1.5 * learn(0.0)


def test_what_is_measured_on_images_held_out(task: ExplainerTask) -> None:
    task.network.eval()
    row = task.measure(0)
    assert row["p"] == 0.5
    seen = task.held
    maps, goals = task.performer.activations(seen.images(np.arange(8)).float() / 255)
    with torch.no_grad():
        found = task.network(maps)
    error = ((found.goals[1] - goals[1]) ** 2).sum() / (goals[1] ** 2).sum()
    assert row["held error relu2"] == pytest.approx(error.item(), abs=1e-3)
    kept = found.encoded.parts.sum() / found.encoded.second.sum()
    assert row["coverage"] == pytest.approx(kept.item(), abs=1e-3)
