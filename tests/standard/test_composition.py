"""Composed methods against slow second writings, on the same masks."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from math import factorial
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso, Ridge

from interp.context import Budget, Context
from interp.engine.component import Experiment
from interp.engine.respond import respond
from interp.errors import InputError, RegistryError
from interp.opening.named import open_method
from interp.registry import Registry
from interp.registry.manifest import CompositionEntry
from interp.request import Request
from interp.run import run
from interp.session import Session
from interp.target import Target
from interp.testing import MethodCase, ToyModel, method_checks

REGISTRY = Registry.load()
COMPOSED = [each.name for each in REGISTRY.entries("method") if isinstance(each, CompositionEntry)]
CLASSES = ("0", "2")
COUNT = 240
BATCH = 16
"""The same in both writings: float32 answers differ in their last bit with the batch's size."""

PICTURE = cv2.resize(
    np.random.default_rng(3).integers(0, 256, (6, 6, 3), np.uint8),
    (32, 32),
    interpolation=cv2.INTER_CUBIC,
)
"""Blobs of colour, which super-pixels can follow."""


class Counting(ToyModel):
    """A toy that counts the images it was shown."""

    seen = 0

    def predict(self, images: torch.Tensor) -> torch.Tensor:
        self.seen += len(images)
        return super().predict(images)


def asked(name: str, count: int = COUNT, **params: Any) -> tuple[Experiment, np.ndarray, Any]:
    """The experiment of a method on the toy, its states (B, P) and class probabilities (B, K)."""
    model, context = ToyModel(), Context(budget=Budget(batch_size=BATCH), seed=3)
    method = open_method(REGISTRY, name, params)
    experiment = method._part("perturbation").bind(model, PICTURE, count, context)
    answers = list(respond(context, experiment.subject, experiment.design, "prob", count))
    states = torch.cat([each.states for each in answers])
    return experiment, states, torch.cat([each.scores for each in answers]).numpy()


def explained(name: str, count: int = COUNT, **params: Any) -> Any:
    request = Request(
        method=name,
        targets=CLASSES,
        params=params,
        seed=3,
        budget=Budget(samples=count, batch_size=BATCH),
    )
    return run(request, registry=REGISTRY, model=ToyModel(), images=[PICTURE]).explanation


def assert_same_maps(found: Any, expected: list[np.ndarray], tolerance: float = 1e-4) -> None:
    for index, wanted in zip(CLASSES, expected, strict=True):
        values = found.map(found.provenance.targets[CLASSES.index(index)])
        scale = np.abs(wanted).max()
        assert scale > 0
        np.testing.assert_allclose(values, wanted, atol=tolerance * scale, rtol=0)


@pytest.mark.parametrize("above_mean", [False, True])
@pytest.mark.parametrize("cells", [4, 7])
def test_rise_is_the_mean_of_masks_counted_by_score(cells: int, above_mean: bool) -> None:
    keep = 0.3
    experiment, states, scores = asked("rise", cells=cells, keep=keep)
    found = explained("rise", cells=cells, keep=keep, above_mean=above_mean)
    masks = experiment.design.masks(states).double().numpy()
    expected = []
    for index in map(int, CLASSES):
        total = np.zeros((32, 32))
        for mask, score in list(zip(masks, scores[:, index], strict=True))[2:]:
            total += score * mask / keep
        level = scores[2:, index].mean() * masks[2:].mean(0) / keep if above_mean else 0.0
        expected.append(total / (len(masks) - 2) - level)
    assert_same_maps(found, expected)


def test_rise_masks_are_a_shifted_bilinear_enlargement() -> None:
    cells = 5
    experiment, states, _ = asked("rise", 40, cells=cells)
    side, step = 32, -(-32 // cells)
    for state, mask in zip(states.numpy(), experiment.design.masks(states).numpy(), strict=True):
        grid = state[:-2].reshape(cells + 1, cells + 1)
        down, right = (int(each) * step // 256 for each in state[-2:])
        for y, x in ((0, 0), (3, 17), (31, 31), (20, 9)):
            at = [np.clip((v + 0.5) / step - 0.5, 0, cells) for v in (y + down, x + right)]
            low = [min(int(np.floor(each)), cells - 1) for each in at]
            dy, dx = at[0] - low[0], at[1] - low[1]
            top = (1 - dx) * grid[low[0], low[1]] + dx * grid[low[0], low[1] + 1]
            bottom = (1 - dx) * grid[low[0] + 1, low[1]] + dx * grid[low[0] + 1, low[1] + 1]
            assert mask[y, x] == pytest.approx((1 - dy) * top + dy * bottom, abs=1e-5)
    assert experiment.design.masks(states).shape == (40, side, side)


def lime_weights(states: np.ndarray, width: float) -> np.ndarray:
    """The square root of exp(-d^2 / width^2), d the cosine distance from all ones."""
    weights = []
    for state in states.astype(float):
        size = np.linalg.norm(state) * np.sqrt(len(state))
        distance = 1 - (state.sum() / size if size else 0.0)
        weights.append(np.sqrt(np.exp(-(distance**2) / width**2)))
    return np.array(weights)


@pytest.mark.parametrize("algorithm", ["slic", "quickshift"])
def test_lime_is_a_weighted_ridge(algorithm: str) -> None:
    params = {"algorithm": algorithm, "segments": 12, "alpha": 2.0, "kernel_width": 0.3}
    params |= {"max_distance": 6.0} if algorithm == "quickshift" else {}
    experiment, states, scores = asked("lime", **params)
    weights = lime_weights(states.numpy(), 0.3)
    expected = [
        Ridge(alpha=2.0)
        .fit(states.numpy().astype(float), scores[:, int(index)], sample_weight=weights)
        .coef_[experiment.design.labels]
        for index in CLASSES
    ]
    assert experiment.design.parts > 4
    assert_same_maps(explained("lime", **params), expected)


def test_a_lasso_of_ones_own_is_composed_without_code(registry_file: Callable) -> None:
    path = registry_file("""
        entries:
          - kind: method
            name: few-cells
            summary: The few cells of a grid that carry the score
            answers: where
            compose:
              perturbation: cells
              solver: lasso
              defaults: {cells: 4, shrinkage: 0.2}
    """)
    registry = Registry.load([path])
    request = Request(method="few-cells", targets=CLASSES, seed=3, budget=Budget(samples=COUNT))
    found = run(request, registry=registry, model=ToyModel(), images=[PICTURE]).explanation
    method = open_method(registry, "few-cells", {})
    context = Context(seed=3)
    experiment = method._part("perturbation").bind(ToyModel(), PICTURE, COUNT, context)
    answers = list(respond(context, experiment.subject, experiment.design, "prob", COUNT))
    states = torch.cat([each.states for each in answers]).numpy()[2:].astype(float)
    scores = torch.cat([each.scores for each in answers]).numpy()[2:].astype(float)
    expected = []
    for index in map(int, CLASSES):
        y = scores[:, index]
        most = np.abs((states - states.mean(0)).T @ (y - y.mean())).max()
        alpha = 0.2 * most / len(y)  # scikit-learn's objective is a mean
        weights = Lasso(alpha=alpha, tol=1e-10, max_iter=100_000).fit(states, y).coef_
        assert 0 < (weights != 0).sum() < 16
        expected.append(weights[experiment.design.labels])
    assert_same_maps(found, expected)


def exact_shapley(value: Callable[[tuple[int, ...]], float], parts: int) -> np.ndarray:
    """Shapley values by their definition over all subsets."""
    found = np.zeros(parts)
    for part in range(parts):
        others = [each for each in range(parts) if each != part]
        for size in range(parts):
            weight = factorial(size) * factorial(parts - size - 1) / factorial(parts)
            for chosen in itertools.combinations(others, size):
                with_part = tuple(sorted((*chosen, part)))
                found[part] += weight * (value(with_part) - value(chosen))
    return found


@pytest.fixture(scope="module")
def shapley_truth() -> tuple[np.ndarray, np.ndarray]:
    """Labels of ten super-pixels and their exact Shapley values (2, 10) on the toy."""
    experiment, _, _ = asked("kernelshap", 2, segments=12)
    design, model = experiment.design, ToyModel()
    assert design.parts == 10
    states = np.array(list(itertools.product((0, 1), repeat=10)), np.uint8)
    images = design.apply(torch.from_numpy(states)).double()
    model.net.double()
    scores = model.probabilities(model.net((images - 0.5) / 0.5)).detach().numpy()
    table = {tuple(np.flatnonzero(s)): row for s, row in zip(states, scores, strict=True)}
    exact = [exact_shapley(lambda chosen, at=at: table[chosen][int(at)], 10) for at in CLASSES]
    return design.labels, np.array(exact)


def test_kernelshap_with_all_states_gives_shapley_values() -> None:
    """The toy answers in float32, so its own rounding is taken off by asking the same answers."""
    experiment, states, scores = asked("kernelshap", 1024, segments=12)
    assert experiment.design.size == 1024
    assert len(np.unique(states.numpy(), axis=0)) == 1024
    pairs = zip(states.numpy(), scores.astype(float), strict=True)
    table = {tuple(np.flatnonzero(state)): row for state, row in pairs}
    found = explained("kernelshap", 1024, segments=12)
    for index in CLASSES:
        exact = exact_shapley(lambda chosen, at=int(index): table[chosen][at], 10)
        target = found.provenance.targets[CLASSES.index(index)]
        importance = found.named("super-pixels", target).importance
        np.testing.assert_allclose(importance, exact, atol=1e-8)
        full, empty = (found.scores[target][key] for key in ("full", "empty"))
        assert importance.sum() == pytest.approx(full - empty, abs=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_kernelshap_with_500_paired_samples_is_near_them(seed: int, shapley_truth: tuple) -> None:
    _, exact = shapley_truth
    request = Request(
        method="kernelshap",
        targets=CLASSES,
        params={"segments": 12},
        seed=seed,
        budget=Budget(samples=500),
    )
    found = run(request, registry=REGISTRY, model=ToyModel(), images=[PICTURE]).explanation
    for target, wanted in zip(found.provenance.targets, exact, strict=True):
        importance = found.named("super-pixels", target).importance
        np.testing.assert_allclose(importance, wanted, atol=1e-2)


def test_occlusion_is_the_mean_loss_over_the_windows_that_hide_a_pixel() -> None:
    experiment, _, _ = asked("occlusion", 500, window=0.25, stride=0.5)
    model, design = ToyModel(), experiment.design
    pixels = design.pixels
    full = model.probabilities(model.predict(pixels[None]))[0]
    loss, times = np.zeros((2, 32, 32)), np.zeros((32, 32))
    for top, left in itertools.product(range(0, 25, 4), repeat=2):
        hidden = pixels.clone()
        place = (slice(top, top + 8), slice(left, left + 8))
        hidden[:, *place] = 0.5
        lost = (full - model.probabilities(model.predict(hidden[None]))[0]).detach().numpy()
        loss[:, *place] += lost[[int(each) for each in CLASSES]][:, None, None]
        times[place] += 1
    found = explained("occlusion", window=0.25, stride=0.5)
    assert found.samples == 49 + 2
    assert_same_maps(found, list(loss / times))


@pytest.mark.parametrize(
    ("ours", "theirs"), [("occlusion", "captum-occlusion"), ("channel-ablation", "layer-ablation")]
)
def test_ours_and_captums_are_the_same_map(ours: str, theirs: str) -> None:
    pytest.importorskip("captum")
    maps = []
    for name in (ours, theirs):
        request = Request(method=name, targets=CLASSES, params={"output": "logit"})
        found = run(request, registry=REGISTRY, model=ToyModel(), images=[PICTURE]).explanation
        maps.append([found.map(each) for each in found.provenance.targets])
    for first, second in zip(*maps, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-5 * np.abs(second).max())


def test_score_cam_weighs_maps_by_what_the_image_behind_them_scores() -> None:
    found = explained("score-cam", layer="conv2")
    model = ToyModel()
    pixels = torch.from_numpy(PICTURE.transpose(2, 0, 1).astype(np.float32) / 255)
    maps = model.activations(pixels[None], ["conv2"])["conv2"][0]
    empty = model.probabilities(model.predict(torch.full((1, 3, 32, 32), 0.5)))[0]
    # The receptive field's offset is half a pixel, its stride 2: bilinear at (x + .5 - .5) / 2.
    weights = []
    for map_ in maps:
        raised = np.zeros((32, 32), np.float32)
        for y, x in itertools.product(range(32), repeat=2):
            at = [min(max(each / 2, 0), 15) for each in (y, x)]
            low = [min(int(each), 14) for each in at]
            dy, dx = at[0] - low[0], at[1] - low[1]
            square = map_[low[0] : low[0] + 2, low[1] : low[1] + 2].detach().numpy()
            raised[y, x] = np.array([1 - dy, dy]) @ square @ np.array([1 - dx, dx])
        spread = raised.max() - raised.min()
        mask = torch.from_numpy((raised - raised.min()) / max(spread, 1e-12))
        seen = 0.5 + (pixels - 0.5) * mask
        weights.append((model.probabilities(model.predict(seen[None]))[0] - empty).detach().numpy())
    for index, target in zip(CLASSES, found.provenance.targets, strict=True):
        values = found.named("channels", target).values
        np.testing.assert_allclose(values, np.array(weights)[:, int(index)], atol=2e-5)
        assert found.map(target).min() >= 0


def test_all_targets_and_both_solvers_share_one_pool() -> None:
    model = Counting()
    session = Session(REGISTRY, model)
    for count, (method, targets) in enumerate(
        [("lime", ("0",)), ("lime", ("0", "1", "2", "0, not 1"))]
    ):
        request = Request(method=method, targets=targets, budget=Budget(samples=300))
        run(request, session, images=[PICTURE])
        if count == 0:
            first = model.seen
    assert model.seen == first + 1  # the prediction
    lasso = open_method(REGISTRY, "lime", {})
    assert lasso.params.samples == 1000


@pytest.mark.parametrize("fill", ["mean", "blur", "zero", "grey", "white", "#204060", "part"])
def test_fills(fill: str) -> None:
    experiment, _, _ = asked("lime", 10, fill=fill, segments=9)
    design = experiment.design
    off = design.apply(torch.zeros(1, design.parts, dtype=torch.uint8))[0].numpy()
    pixels = design.pixels.numpy()
    plain = {
        "mean": (0.5,) * 3,
        "zero": (0,) * 3,
        "grey": (128 / 255,) * 3,
        "white": (1,) * 3,
        "#204060": (32 / 255, 64 / 255, 96 / 255),
    }
    if fill in plain:
        np.testing.assert_allclose(off, np.array(plain[fill])[:, None, None] + 0 * off, atol=1e-6)
    elif fill == "part":
        for part in range(design.parts):
            inside = design.labels == part
            wanted = pixels[:, inside].mean(1, keepdims=True)
            np.testing.assert_allclose(off[:, inside], wanted + 0 * off[:, inside], atol=1e-5)
    else:
        assert off.std() < 0.9 * pixels.std()
        np.testing.assert_allclose(off.mean(), pixels.mean(), atol=0.02)
    states = design.draw(0)[:7]
    direct = (design.pixels - design.apply(states)).double().square().sum((1, 2, 3))
    torch.testing.assert_close(design.distance(states), direct, rtol=1e-4, atol=1e-6)


def test_an_unknown_fill_is_refused() -> None:
    with pytest.raises(InputError, match=r"rise: fill = 'grren'.*expected mean, blur"):
        explained("rise", fill="grren")


@pytest.mark.parametrize("parts", [3, 20, 57])
def test_shapley_states_come_in_pairs_and_follow_the_kernel(parts: int) -> None:
    from interp_standard.perturbation.region import ShapleyRegions

    labels = np.arange(parts)[:, None] + np.zeros((1, 4), int)
    design = ShapleyRegions(torch.rand(3, parts, 4), labels, torch.zeros(3), 5)
    states = torch.cat([design.draw(chunk) for chunk in range(40)]).numpy()[2:].astype(int)
    assert (states[0::2] + states[1::2] == 1).all()
    size = states.sum(1)
    wanted = np.array([1 / (s * (parts - s)) for s in range(1, parts)])
    share = np.bincount(size, minlength=parts)[1:parts] / len(size)
    np.testing.assert_allclose(share, wanted / wanted.sum(), atol=0.012)
    np.testing.assert_allclose(states.mean(0), 0.5, atol=1e-9)
    assert states[::2].mean(0) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("method", ["rise", "lime", "kernelshap"])
def test_until_stable_stops_when_settled_and_says_where_it_has_not(method: str) -> None:
    params = {"samples": 2000} | ({} if method == "rise" else {"segments": 30})
    request = Request(method=method, targets=("0",), budget=Budget(until="stable"), params=params)
    found = run(request, registry=REGISTRY, model=ToyModel(), images=[PICTURE]).explanation
    scores = found.scores["ant"]
    assert scores["samples"] == found.samples < 16 * 2000
    assert scores["reliability"] >= 0.95
    assert not any("not settled" in each for each in found.notes)
    short = Budget(until="stable", samples=200)
    hard = request.model_copy(update={"budget": short, "params": {"cells": 20}, "method": "rise"})
    poor = run(hard, registry=REGISTRY, model=ToyModel(), images=[PICTURE]).explanation
    assert poor.samples == 200
    assert poor.scores["ant"]["reliability"] < 0.95
    assert any("not settled after 200 samples" in each for each in poor.notes)


@pytest.mark.parametrize("method", ["lime", "kernelshap"])
def test_until_ranked_takes_no_more_samples_than_until_stable(method: str) -> None:
    def taken(until: str, **budget: int) -> Any:
        asked = Budget(until=until, **budget)
        request = Request(method=method, targets=("0",), budget=asked, params={"segments": 30})
        return run(request, registry=REGISTRY, model=ToyModel(), images=[PICTURE]).explanation

    ranked, stable = taken("ranked"), taken("stable")
    assert ranked.samples < stable.samples
    assert not any("not settled" in each for each in ranked.notes)
    short = taken("ranked", samples=150)
    told = "not settled after 150 samples (certainty of the 3 largest parts"
    assert any(told in each for each in short.notes)


@pytest.mark.parametrize("method", ["rise", "lime", "kernelshap"])
def test_standard_errors_are_the_spread_of_repeated_runs(method: str) -> None:
    """Also that reliability is the correlation of two runs: both are promised."""
    maps, errors, promised = [], [], []
    for seed in range(12):
        request = Request(
            method=method,
            targets=("0",),
            seed=seed,
            budget=Budget(samples=500),
            params={"segments": 20} if method != "rise" else {"cells": 3},
        )
        found = run(request, registry=REGISTRY, model=ToyModel(), images=[PICTURE]).explanation
        maps.append(found.map("ant"))
        errors.append(found.mapped("ant").error_map())
        promised.append(found.scores["ant"]["reliability"])
    spread = np.std(maps, 0, ddof=1).mean()
    assert np.mean(errors) == pytest.approx(spread, rel=0.25)
    flat = np.array(maps).reshape(12, -1)
    between = np.corrcoef(flat)[np.triu_indices(12, 1)].mean()
    assert np.mean(promised) == pytest.approx(between, abs=0.05)


def test_an_empty_image_with_an_opinion_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ToyModel()
    with torch.no_grad():
        model.net.head.bias += torch.tensor([4.0, 0.0, 0.0])
    request = Request(method="rise", targets=("0", "1"), budget=Budget(samples=100))
    notes = run(request, registry=REGISTRY, model=model, images=[PICTURE]).explanation.notes
    assert sum("the empty image is taken for" in each for each in notes) == 1
    assert "taken for ant" in notes[0]


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("method", COMPOSED)
def test_is_a_good_method(method: str, check: Callable) -> None:
    check(MethodCase(method, registry=REGISTRY, samples=200))


def test_a_spent_time_budget_is_told_where_each_part_needs_its_state() -> None:
    request = Request(method="occlusion", targets=("0",), budget=Budget(seconds=1e-9))
    with pytest.raises(InputError, match="the time budget ended after 100 of"):
        run(request, registry=REGISTRY, model=ToyModel(), images=[PICTURE])


BAD = [
    ("perturbation: cells, solver: rigde", "wants the solver 'rigde'.*did you mean 'ridge'"),
    ("perturbation: cells, solver: ridge, weighting: nearr", "weighting 'nearr'.*'near'"),
    ("perturbation: cells, solver: ridge, defaults: {cels: 3}", "no part has 'cels'.*'cells'"),
    ("perturbation: cells, solver: ridge, defaults: {cells: 1}", "default cells = 1"),
    ("perturbation: cells", "compose.solver: missing"),
]


@pytest.mark.parametrize(("recipe", "message"), BAD)
def test_a_slip_in_a_composition_is_told(
    recipe: str, message: str, registry_file: Callable
) -> None:
    path = registry_file(
        "entries:\n  - {kind: method, name: mine, summary: s, answers: where, "
        f"compose: {{{recipe}}}}}\n"
    )
    with pytest.raises(RegistryError, match=message):
        Registry.load([path]).get("method", "mine")


def test_needs_follow_from_the_parts(registry_file: Callable) -> None:
    assert REGISTRY.entry("method", "score-cam").needs == ("predict", "activations")
    path = registry_file(
        "entries:\n  - {kind: method, name: mine, summary: s, answers: where, needs: [predict], "
        "compose: {perturbation: cells, solver: ridge}}\n"
    )
    with pytest.raises(RegistryError, match=r"entries\[0\].needs: a composition takes this"):
        Registry.load([path])


def test_contrastive_targets() -> None:
    request = Request(method="lime", targets=("0", "1", "ant, not bee"), budget=Budget(samples=300))
    found = run(request, registry=REGISTRY, model=ToyModel(), images=[PICTURE]).explanation
    ant, bee, both = (found.map(each) for each in found.provenance.targets)
    np.testing.assert_allclose(ant - bee, both, atol=1e-6)
    assert Target(0, "ant, not bee", 1).name in found.scores
