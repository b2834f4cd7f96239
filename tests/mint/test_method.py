"""MINT as a method: the common checks, targets, baselines, resuming, what is shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interp.context import Budget, Context
from interp.engine import convergence, respond
from interp.engine.design import RegionDesign
from interp.errors import Cancelled
from interp.explanation import Explanation
from interp.model import ModelAdapter
from interp.target import Target
from interp.testing import MethodCase, method_checks
from interp_mint import method
from interp_mint.evidence import show_coarse, show_fine
from interp_mint.locality import Locality, locality
from interp_mint.method import Mint
from interp_mint.params import MintParams

Explain = Callable[..., Explanation]


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
def test_is_a_good_method(check: Callable[[MethodCase], None]) -> None:
    check(MethodCase("mint", params={"shallow_stride": 1.0}))


@pytest.mark.parametrize("count", [1000, 1001, 5000])
def test_locality_weight_is_the_papers(count: int) -> None:
    random = np.random.default_rng(0)
    pixels = torch.from_numpy(random.random((3, 6, 6), np.float32))
    labels = np.arange(9).reshape(3, 3).repeat(2, 0).repeat(2, 1)
    design = RegionDesign(pixels, labels, torch.tensor([0.4, 0.5, 0.6]), seed=0, stream="a")
    states = torch.cat([design.draw(chunk) for chunk in range(-(-count // 100))])[:count]
    apart = (pixels - design.apply(states)).square().flatten(1).sum(1).double()
    weights = locality(design, None).weigh(design, states, torch.zeros(count, 1))
    expected = (-apart / apart[:1000].median()).exp()
    torch.testing.assert_close(weights, expected, rtol=1e-4, atol=1e-6)
    assert locality(design, 3.0) == Locality(9.0)


def test_a_difference_of_classes(plant: Callable, explain: Explain) -> None:
    scene = plant(0)
    found = explain(scene.image, "red and green, not red", samples=800)
    pieces = found.named("fine")
    green = np.bincount(pieces.labels[scene.masks["green"]], minlength=len(pieces.importance))
    assert pieces.importance.argmax() == green.argmax()


def test_every_score_is_there(plant: Callable, explain: Explain) -> None:
    found = explain(plant(1).image, "red", "red and green", samples=600)
    assert found.samples == 1200
    for each in ("red", "red and green"):
        scores = found.scores[each]
        assert scores["constraint"] < 1e-4
        assert scores["r2_fine"] > 0.7 and scores["r2_coarse"] > 0.7
        assert scores["probability"] > 0.5


def test_the_shallow_features_are_shown_inside_the_pieces_only(
    plant: Callable, explain: Explain
) -> None:
    found = explain(plant(2).image, "red", samples=600)
    inside, features = found.named("fine").mask(), found.named("fine features")
    assert features.values[inside].max() > 0 and not features.signed
    assert not features.values[~inside].any()


def test_a_common_partition_shares_samples(plant: Callable, explain: Explain) -> None:
    scene = plant(0)
    found = explain(scene.image, "red", "red and green", samples=600, common_partition=True)
    assert found.samples == 600
    pieces = [found.named("fine", each).labels for each in ("red", "red and green")]
    assert (pieces[0] == pieces[1]).all()
    shown = found.named("coarse", "red").mask()
    assert (shown & scene.masks["red"]).sum() / (shown | scene.masks["red"]).sum() > 0.8


def test_several_images_keep_their_own_scores(plant: Callable, colour_model: ModelAdapter) -> None:
    images = [plant(seed).image for seed in (0, 1)]
    context = Context(budget=Budget(samples=300, batch_size=25))
    found = Mint(MintParams()).explain(colour_model, images, [Target(0, "red")], None, context)
    assert list(found.scores) == ["red, image 0", "red, image 1"]
    assert [each.image for each in found.of("regions")] == [0, 0, 1, 1]


def test_batch_sizes_agree(plant: Callable, colour_model: ModelAdapter) -> None:
    found = []
    for size in (1, 7, 64):
        context = Context(budget=Budget(samples=300, batch_size=size))
        mint, image = Mint(MintParams()), plant(3).image
        found.append(mint.explain(colour_model, [image], [Target(0, "red")], None, context))
    for other in found[1:]:
        for name in ("coarse", "fine"):
            first, second = (each.named(name).importance for each in (found[0], other))
            np.testing.assert_allclose(first, second, atol=1e-5 * np.abs(first).max())


def test_a_run_killed_half_way_goes_on(
    plant: Callable, colour_model: ModelAdapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(respond, "SAVE_EVERY", 0.0)
    mint, image, targets = Mint(MintParams()), plant(3).image, [Target(0, "red")]
    budget, asked, done = Budget(samples=600, batch_size=25), [0], []

    def cancelled() -> bool:
        asked[0] += 1
        return asked[0] > 4

    def explained(**changes: Any) -> Explanation:
        context = Context(budget=budget, **changes)
        return mint.explain(colour_model, [image], targets, None, context)

    with pytest.raises(Cancelled):
        explained(checkpoint=tmp_path, cancelled=cancelled)
    assert list(tmp_path.iterdir())
    predict = type(colour_model).predict

    def counted(model: ModelAdapter, images: torch.Tensor) -> torch.Tensor:
        done.append(len(images))
        return predict(model, images)

    monkeypatch.setattr(type(colour_model), "predict", counted)
    resumed = explained(checkpoint=tmp_path)
    assert sum(done) < 600
    whole = explained()
    for name in ("coarse", "fine"):
        first, second = resumed.named(name), whole.named(name)
        np.testing.assert_allclose(first.importance, second.importance, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(first.standard_error, second.standard_error, rtol=1e-6)


def test_an_unfinished_solve_is_said(plant: Callable, explain: Explain) -> None:
    found = explain(plant(0).image, "red", samples=300, outer=2)
    assert any("raise outer" in note for note in found.notes)


@pytest.mark.parametrize(
    ("importance", "score", "shown"),
    [
        ([0.5, 0.2, 0.0], 0.9, [True, False, False]),
        ([0.03, 0.02, 0.0], 0.9, [False] * 3),  # under a twentieth of the score
        ([0.005, 0.0, 0.0], 0.006, [False] * 3),  # under a hundredth
        ([-0.5, -0.1, -0.2], 0.9, [False] * 3),
    ],
)
def test_which_region_is_shown(importance: list[float], score: float, shown: list[bool]) -> None:
    assert show_coarse(np.array(importance), score, MintParams()).tolist() == shown


def test_which_pieces_are_shown() -> None:
    assert show_fine(np.array([1.0, 0.3, 0.1, -2]), MintParams()).tolist() == [
        True,
        True,
        False,
        False,
    ]
    assert not show_fine(np.array([0.0, -1.0]), MintParams()).any()


@pytest.mark.parametrize("common", [False, True])
def test_until_stable_stops_when_the_fine_importances_have_settled(
    plant: Callable, colour_model: ModelAdapter, common: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = plant(0).image
    targets = [Target(0, "red"), Target(1, "blue")]
    mint = Mint(MintParams(samples=4000, common_partition=common))

    def explained(**budget: Any) -> Explanation:
        context = Context(budget=Budget(until="stable", **budget))
        return mint.explain(colour_model, [image], targets, None, context)

    found = explained()
    assert found.samples == 1000 * (1 if common else 2)
    assert all(each["reliability"] >= convergence.SETTLED for each in found.scores.values())
    assert not any("not settled" in each for each in found.notes)
    for module in (convergence, method):
        monkeypatch.setattr(module, "SETTLED", 1.1)
    endless = explained(samples=2100)
    assert endless.samples == 2100 * (1 if common else 2)
    assert sum("not settled after 2100" in each for each in endless.notes) == 2
