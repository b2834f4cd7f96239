"""Each metric against a slow second writing, and on a model whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr, spearmanr
from support.registered import registered

from interp.context import Context
from interp.dataset import Example, Instance, Part
from interp.evidence import Heatmap
from interp.explanation import Explanation
from interp.metric import ExplanationMetric, MetricCase
from interp.model import ModelAdapter
from interp.target import Target
from interp.testing import ToyModel
from interp.testing.conformance import unchanged
from interp_standard.metric.faithfulness import pearson
from interp_standard.metric.impute import impute, neighbour_sum
from interp_standard.metric.removal import rank_shares
from interp_standard.metric.sanity import with_random_weights
from interp_torch.opening import open_model

METRICS = registered("metric", "interp_standard")

SIZE = 32
PLACE = (slice(6, 16), slice(12, 26))
"""Rows and columns of the object."""
TARGET = Target(1, "bee")


def made(name: str, **params: Any) -> ExplanationMetric:
    kind = METRICS[name]
    return kind(kind.Params(**params))


def photograph(seed: int) -> np.ndarray:
    """Coarse noise, (32, 32, 3) uint8."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    return coarse.repeat(4, 0).repeat(4, 1)


def truth() -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), bool)
    mask[PLACE] = True
    return mask


def case(
    values: np.ndarray,
    model: ModelAdapter | None = None,
    image: np.ndarray | None = None,
    again: Callable[[int, ModelAdapter], Explanation] | None = None,
    instances: tuple[Instance, ...] | None = None,
    seed: int = 0,
) -> MetricCase:
    """A map of an image with one object of the target's class, whose left half is its head."""
    head = truth()
    head[:, 19:] = False
    parts = (Part("head", (15.0, 11.0), head, True), Part("body", (22.0, 11.0), truth() & ~head))
    box = (12.0, 6.0, 26.0, 16.0)
    known = (Instance(1, box, truth(), parts),) if instances is None else instances
    picture = photograph(seed) if image is None else image
    return MetricCase(
        explanation=explained(values),
        model=model or ToyModel(),
        target=TARGET,
        example=Example("it", picture, 1, known),
        context=Context(seed=seed),
        again=again or (lambda seed, model: explained(values)),
        kept={},
    )


def explained(values: np.ndarray) -> Explanation:
    return Explanation((Heatmap(name="map", image=0, values=values),))


def a_map(seed: int) -> np.ndarray:
    return np.random.default_rng(seed + 100).normal(size=(SIZE, SIZE)).astype(np.float32)


def chance(model: ModelAdapter, pixels: np.ndarray) -> float:
    """The target's probability for an input (3, h, w)."""
    raw = model.predict(torch.from_numpy(pixels.astype(np.float32))[None])
    return float(model.probabilities(raw)[0, 1])


def pixels_of(image: np.ndarray) -> np.ndarray:
    return image.transpose(2, 0, 1).astype(np.float32) / 255


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("steps", [4, 7])
def test_deletion_hides_pixel_by_pixel(seed: int, steps: int) -> None:
    values, model, pixels = a_map(seed), ToyModel(), pixels_of(photograph(seed))
    order = sorted(np.ndindex(SIZE, SIZE), key=lambda at: -values[at])
    curve = []
    for step in range(steps + 1):
        left = pixels.copy()
        for number, (y, x) in enumerate(order):
            if number * steps < step * len(order):
                left[:, y, x] = 0.5  # the toy model's mean
        curve.append(chance(model, left))
    slow = sum((a + b) / 2 for a, b in pairwise(curve)) / steps
    assert made("deletion", steps=steps).measure(case(values, seed=seed)) == pytest.approx(
        slow, abs=1e-5
    )


@pytest.mark.parametrize("seed", range(3))
def test_insertion_shows_pixel_by_pixel(seed: int) -> None:
    values, model, pixels = a_map(seed), ToyModel(), pixels_of(photograph(seed))
    order, steps = sorted(np.ndindex(SIZE, SIZE), key=lambda at: -values[at]), 5
    curve = []
    for step in range(steps + 1):
        shown = np.zeros_like(pixels)
        for number, (y, x) in enumerate(order):
            if number * steps < step * len(order):
                shown[:, y, x] = pixels[:, y, x]
        curve.append(chance(model, shown))
    slow = sum((a + b) / 2 for a, b in pairwise(curve)) / steps
    metric = made("insertion", steps=steps, fill="black")
    assert metric.measure(case(values, seed=seed)) == pytest.approx(slow, abs=1e-5)


def test_insertion_begins_with_a_blurred_image_and_deletion_ends_with_its_mean() -> None:
    assert made("insertion").params.fill == "blur"
    assert made("deletion").params.fill == "mean"
    flat = np.full((SIZE, SIZE, 3), 90, np.uint8)  # blurred, it is what it was
    whole = chance(ToyModel(), pixels_of(flat))
    assert made("insertion").measure(case(a_map(0), image=flat)) == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_equal_pixels_are_taken_in_a_random_order(seed: int) -> None:
    halves = np.zeros((20, 20))
    halves[:, 10:] = 1
    steps = rank_shares(halves, 4, seed)
    assert set(np.unique(steps[:, 10:])) == {0, 1} and set(np.unique(steps[:, :10])) == {2, 3}
    assert 0.3 < (steps[:10, 10:] == 0).mean() < 0.7  # not the upper rows first
    assert np.bincount(steps.ravel()).tolist() == [100] * 4


def cells_of(values: np.ndarray, cells: int) -> np.ndarray:
    side = SIZE // cells
    return np.array(
        [
            values[row * side : (row + 1) * side, column * side : (column + 1) * side].sum()
            for row in range(cells)
            for column in range(cells)
        ]
    )


def fall(model: ModelAdapter, pixels: np.ndarray, state: np.ndarray, cells: int) -> float:
    """What the probability loses where the cells that are 0 show the mean."""
    side, left = SIZE // cells, pixels.copy()
    for at in np.flatnonzero(state == 0):
        row, column = divmod(at, cells)
        left[:, row * side : (row + 1) * side, column * side : (column + 1) * side] = 0.5
    return chance(model, pixels) - chance(model, left)


@pytest.mark.parametrize("seed", range(3))
def test_sensitivity_n_is_pearsons_correlation_of_sums_and_falls(seed: int) -> None:
    values, model, pixels = a_map(seed), ToyModel(), pixels_of(photograph(seed))
    metric = made("sensitivity-n", cells=4, shares=(0.125, 0.5), subsets=6)
    states = metric.states(seed)
    assert [int((state == 0).sum()) for state in states] == [2] * 6 + [8] * 6
    assert len(np.unique(states, axis=0)) > 6
    sums = [(1 - state) @ cells_of(values, 4) for state in states]
    falls = [fall(model, pixels, state, 4) for state in states]
    slow = [pearsonr(sums[at : at + 6], falls[at : at + 6]).statistic for at in (0, 6)]
    assert metric.measure(case(values, seed=seed)) == pytest.approx(np.mean(slow), abs=1e-3)


def test_a_constant_map_has_no_correlation() -> None:
    assert made("sensitivity-n", cells=4).measure(case(np.ones((SIZE, SIZE)))) == 0
    assert pearson(np.arange(5.0), np.full(5, 0.1)) == 0
    assert pearson(np.arange(5.0), -3 * np.arange(5.0)) == pytest.approx(-1)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("scaled", [True, False])
def test_infidelity_is_the_mean_squared_error_of_sums(seed: int, scaled: bool) -> None:
    values, model, pixels = a_map(seed) / 50, ToyModel(), pixels_of(photograph(seed))
    metric = made("infidelity", cells=8, squares=9, scaled=scaled)
    states = metric.states(seed)
    for state in states:
        rows, columns = np.nonzero(state.reshape(8, 8) == 0)
        side = np.ptp(rows) + 1
        assert side == np.ptp(columns) + 1 <= 4 and len(rows) == side**2
    u = np.array([(1 - state) @ cells_of(values, 8) for state in states])
    v = np.array([fall(model, pixels, state, 8) for state in states])
    scale = (u * v).mean() / (u * u).mean() if scaled else 1
    slow = np.mean([(scale * a - b) ** 2 for a, b in zip(u, v, strict=True)])
    assert metric.measure(case(values, seed=seed)) == pytest.approx(slow, rel=1e-3, abs=1e-9)


def test_one_pool_serves_all_methods() -> None:
    first, second = case(a_map(0)), case(a_map(1))
    object.__setattr__(second, "context", first.context)
    calls = []
    first.model.predict = lambda images: calls.append(len(images)) or ToyModel().predict(images)  # type: ignore[method-assign]
    object.__setattr__(second, "model", first.model)
    for name in ("sensitivity-n", "infidelity"):
        made(name, cells=4).measure(first)
        asked = len(calls)
        made(name, cells=4).measure(second)
        assert len(calls) == asked


def dense(pixels: np.ndarray, gone: np.ndarray) -> np.ndarray:
    """sum_j w_ij (x_j - x_i) = 0 for every removed pixel i, one equation after another."""
    height, width = gone.shape
    unknown = {(int(y), int(x)): n for n, (y, x) in enumerate(np.argwhere(gone))}
    matrix, right = np.zeros((len(unknown),) * 2), np.zeros((len(unknown), 3))
    for (y, x), row in unknown.items():
        for dy, dx in [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)]:
            near = (y + dy, x + dx)
            if not (0 <= near[0] < height and 0 <= near[1] < width):
                continue
            weight = 1 / 6 if 0 in (dy, dx) else 1 / 12
            matrix[row, row] += weight
            if near in unknown:
                matrix[row, unknown[near]] -= weight
            else:
                right[row] += weight * pixels[:, near[0], near[1]]
    found, solved = pixels.astype(float).copy(), np.linalg.solve(matrix, right)
    for (y, x), row in unknown.items():
        found[:, y, x] = solved[row]
    return found


@pytest.mark.parametrize("shape", [(9, 7), (33, 20), (40, 41)])
@pytest.mark.parametrize("share", [0.1, 0.6, 0.95])
def test_imputation_solves_the_linear_system(shape: tuple[int, int], share: float) -> None:
    random = np.random.default_rng(shape[0])
    pixels = random.random((3, *shape)).astype(np.float32)
    blob = np.hypot(*np.meshgrid(*(np.linspace(-1, 1, side) for side in shape), indexing="ij"))
    masks = [random.random(shape) < share, blob <= np.quantile(blob, share)]
    found = impute(torch.from_numpy(pixels), torch.from_numpy(np.stack(masks)))
    for picture, gone in zip(found.numpy(), masks, strict=True):
        np.testing.assert_allclose(picture, dense(pixels, gone), atol=6e-3)
        np.testing.assert_array_equal(picture[:, ~gone], pixels[:, ~gone])


def test_neighbours_are_weighed() -> None:
    weights = neighbour_sum(torch.eye(25).reshape(25, 1, 5, 5)[12:13])[0, 0] * 12
    np.testing.assert_allclose(weights[1:4, 1:4], [[1, 2, 1], [2, 0, 2], [1, 2, 1]], atol=1e-6)


@pytest.mark.parametrize("seed", range(2))
def test_road_is_the_gap_between_the_two_orders(seed: int) -> None:
    values, model, pixels = a_map(seed), ToyModel(), pixels_of(photograph(seed))
    order = sorted(np.ndindex(SIZE, SIZE), key=lambda at: -values[at])
    metric = made("road", shares=(0.25, 0.5), noise=0)
    scores: dict[bool, list[float]] = {True: [], False: []}
    for first in (True, False):
        for share in (0.25, 0.5):
            gone = np.zeros((SIZE, SIZE), bool)
            for y, x in (order if first else order[::-1])[: round(share * len(order))]:
                gone[y, x] = True
            scores[first].append(chance(model, dense(pixels, gone)))
    slow = np.mean(scores[False]) - np.mean(scores[True])
    assert metric.measure(case(values, seed=seed)) == pytest.approx(slow, abs=5e-3)


def test_road_adds_noise_to_what_is_filled_in_alone() -> None:
    metric, at = made("road", shares=(0.5,), noise=0.05), case(a_map(0))
    first, last = metric.pictures(at)  # type: ignore[attr-defined]
    plain = made("road", shares=(0.5,), noise=0).pictures(at)[0]  # type: ignore[attr-defined]
    filled = (first != torch.from_numpy(pixels_of(photograph(0)))).any(0)
    assert abs(float(filled.float().mean()) - 0.5) < 0.01
    assert 0.04 < float((first - plain)[:, filled].std()) < 0.06
    assert not (filled & (last != at.pixels).any(0)).any()


def test_against_the_truth_by_hand() -> None:
    values = np.zeros((SIZE, SIZE), np.float32)
    values[8, 14], values[8, 22], values[0, 0], values[30, 30] = 4, 3, 1, -9
    at = case(values)
    assert made("pointing").measure(at) == 1
    assert made("energy-mask").measure(at) == pytest.approx(7 / 8)
    assert made("energy-parts").measure(at) == pytest.approx(4 / 8)
    assert made("energy-parts", parts="body").measure(at) == pytest.approx(3 / 8)
    assert made("localization", share=0.5).measure(at) == 0
    assert made("localization", share=0.5, accept=1 / 140).measure(at) == 1


def test_without_a_share_boxes_are_judged_at_each() -> None:
    values = np.full((SIZE, SIZE), 0.3, np.float32)
    values[PLACE], values[8, 14] = 0.6, 1
    at = case(values)
    assert made("localization").measure(at) == [
        made("localization", share=each / 100).measure(at) for each in range(100)
    ]


@pytest.mark.parametrize(("share", "right"), [(0.5, True), (0.9, False), (0.2, False)])
def test_the_box_is_drawn_at_a_share_of_the_maximum(share: float, right: bool) -> None:
    values = np.full((SIZE, SIZE), 0.3, np.float32)
    values[PLACE], values[8, 14] = 0.6, 1
    assert made("localization", share=share).measure(case(values)) == float(right)


@pytest.mark.parametrize("tolerance", [0, 3])
def test_pointing_takes_the_box_where_there_is_no_mask(tolerance: int) -> None:
    values = np.zeros((SIZE, SIZE), np.float32)
    values[17, 20] = 1
    boxed = (Instance(1, (12.0, 6.0, 26.0, 16.0), None),)
    metric = made("pointing", tolerance=tolerance)
    assert metric.measure(case(values, instances=boxed)) == float(tolerance > 2)


@pytest.mark.parametrize(
    ("name", "instances", "applies"),
    [
        ("deletion", (), True),
        ("pointing", (), False),
        ("pointing", (Instance(1, (0, 0, 1, 1), None),), True),
        ("pointing", (Instance(0, (0, 0, 1, 1), None),), False),
        ("energy-mask", (Instance(1, (0, 0, 1, 1), None),), False),
        ("energy-mask", (Instance(1, (0, 0, 1, 1), truth()),), True),
        ("energy-parts", (Instance(1, (0, 0, 1, 1), truth()),), False),
        (
            "energy-parts",
            (Instance(1, (0, 0, 1, 1), None, (Part("fin", (0, 0), truth()),)),),
            False,
        ),
        (
            "energy-parts",
            (Instance(1, (0, 0, 1, 1), None, (Part("fin", (0, 0), truth(), True),)),),
            True,
        ),
    ],
)
def test_a_metric_says_where_it_applies(name: str, instances: tuple, applies: bool) -> None:
    example = Example("it", photograph(0), 1, instances)
    assert made(name).applies(example, TARGET) == applies


def test_stability_is_the_mean_over_pairs_of_seeds() -> None:
    metric = made("stability", seeds=3)
    at = case(a_map(5), again=lambda seed, model: explained(a_map(5) + seed * a_map(9)), seed=0)
    maps = [a_map(5) + seed * a_map(9) for seed in (0, 1, 2)]
    pairs = [(0, 1), (0, 2), (1, 2)]
    slow = [spearmanr(maps[a].ravel(), maps[b].ravel()).statistic for a, b in pairs]
    assert metric.measure(at) == pytest.approx(np.mean(slow), abs=1e-9)


def test_constant_maps_are_alike_if_equal() -> None:
    flat = np.zeros((SIZE, SIZE), np.float32)
    assert made("stability").measure(case(flat)) == 1
    moved = case(flat, again=lambda seed, model: explained(flat + seed))
    assert made("stability", seeds=2).measure(moved) == 0


@pytest.fixture(scope="module")
def bright() -> ModelAdapter:
    """A bee is what is bright in one place."""

    class Bright(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.see = torch.nn.Conv2d(3, 2, 1)
            self.tell = torch.nn.Linear(2, 2)
            with torch.no_grad():
                for each in (self.see, self.tell):
                    each.weight.zero_()
                    each.bias.zero_()
                self.see.weight[0] = 1 / 3
                self.tell.weight[1, 0], self.tell.bias[1] = 10.0, -4.0

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            rows, columns = PLACE
            return self.tell(self.see(images)[..., rows, columns].mean((2, 3)))

    from interp.spec import ModelOptions

    options = ModelOptions(
        device="cpu", input={"size": (SIZE, SIZE), "mean": (0.0,) * 3, "std": (1.0,) * 3}
    )
    return open_model(Bright().eval(), options)


def scene(seed: int) -> np.ndarray:
    """A bright square on dark noise."""
    image = photograph(seed) // 4
    image[PLACE] = 230
    return image


@pytest.mark.parametrize(
    "name", [each for each in METRICS if each not in ("randomization", "stability")]
)
@pytest.mark.parametrize("seed", range(3))
def test_the_truth_beats_noise(name: str, seed: int, bright: ModelAdapter) -> None:
    metric, image = made(name), scene(seed)
    values = truth().astype(np.float32)
    if name == "energy-parts":
        values[:, 19:] = 0
    right, noise = (
        metric.measure(case(each, bright, image, seed=seed)) for each in (values, a_map(seed))
    )
    assert right > noise if metric.higher_is_better else right < noise


def test_randomization_draws_a_network_of_its_own(bright: ModelAdapter) -> None:
    seen = []

    def again(seed: int, model: ModelAdapter) -> Explanation:
        seen.append(model)
        weights = model.module().see.weight.detach().flatten().numpy()  # type: ignore[union-attr]
        return explained(np.resize(weights, (SIZE, SIZE)).astype(np.float32))

    at = case(a_map(0), bright, again=again)
    with unchanged(bright):
        found = made("randomization").measure(at)
        made("randomization").measure(at)
    assert seen[0] is seen[1] is not bright
    assert seen[0].spec.fingerprint != bright.spec.fingerprint
    other = again(0, seen[0]).map()
    slow = spearmanr(a_map(0).ravel(), other.ravel()).statistic
    assert found == pytest.approx(abs(slow), abs=1e-9)
    assert made("randomization").measure(case(other, bright, again=again)) == pytest.approx(1)


def test_random_weights_are_drawn_by_the_seed_and_no_global_one(bright: ModelAdapter) -> None:
    before = torch.get_rng_state()
    one, same, other = (with_random_weights(bright, seed).spec.fingerprint for seed in (0, 0, 1))
    assert one == same != other
    assert torch.equal(before, torch.get_rng_state())
    drawn = with_random_weights(bright, 0).module()
    assert torch.equal(drawn.tell.bias, bright.module().tell.bias)  # type: ignore[union-attr]
    adapter = open_model(
        torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 300)).eval(),
        bright.options.model_copy(update={"input": {"size": (8, 8)}}),  # type: ignore[attr-defined]
    )
    spread = float(with_random_weights(adapter, 0).module()[1].weight.detach().std())  # type: ignore[index]
    assert spread == pytest.approx((2 / 192) ** 0.5, rel=0.02)


def test_a_map_over_a_large_photograph_is_brought_to_the_input() -> None:
    large = np.zeros((96, 64), np.float32)
    large[:48] = 1
    at = case(large, image=np.zeros((96, 64, 3), np.uint8))
    assert at.over_input(large).shape == (SIZE, SIZE)
    np.testing.assert_allclose(at.over_input(large)[:14], 1, atol=1e-6)
    np.testing.assert_allclose(at.over_input(large)[18:], 0, atol=1e-6)
