"""Boxes, overlap, energy and pointing against slow second writings and planted maps."""

from __future__ import annotations

import numpy as np
import pytest
from localization import SHARES, sweep, tune

from interp.errors import InputError
from interp_standard.baseline import centred_gaussian
from interp_standard.localize import components, energy, inside, iou, largest_box, pointing


def flooded(lit: np.ndarray) -> list[set[tuple[int, int]]]:
    """Sets of 8-connected pixels, by flood fill."""
    left, found = {tuple(each) for each in np.argwhere(lit).tolist()}, []
    while left:
        part, pending = set(), [left.pop()]
        while pending:
            y, x = pending.pop()
            part.add((y, x))
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            pending += near
        found.append(part)
    return found


def box_around(part: set[tuple[int, int]]) -> tuple[int, int, int, int]:
    ys, xs = [y for y, _ in part], [x for _, x in part]
    return min(xs), min(ys), max(xs) + 1, max(ys) + 1


def pixels(box: tuple[float, ...]) -> set[tuple[int, int]]:
    left, top, right, bottom = map(int, box)
    return {(y, x) for y in range(top, bottom) for x in range(left, right)}


def two_blobs() -> np.ndarray:
    """A large dim blob at the left, a small bright one at the right."""
    values = np.zeros((20, 30), np.float32)
    values[2:12, 1:9], values[14:18, 20:25] = 0.5, 1.0
    return values


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 5), (12, 16), (400, 400)])
@pytest.mark.parametrize("seed", range(4))
def test_components_equal_flood_fill(seed: int, shape: tuple[int, int]) -> None:
    values = np.random.default_rng(seed).normal(size=shape)
    level = 0.8 if shape[0] < 400 else 2.5
    parts = flooded((values > 0) & (values >= level))
    slow = sorted(
        ((*box_around(part), len(part)) for part in parts), key=lambda b: (-b[4], b[1], b[0])
    )
    assert components(values, level).tolist() == [list(each) for each in slow]


@pytest.mark.parametrize("seed", range(5))
def test_iou_equals_counted_pixels(seed: int) -> None:
    corners = np.random.default_rng(seed).integers(0, 12, (7, 4))
    boxes = np.hstack([corners[:, :2], corners[:, :2] + 1 + corners[:, 2:]])
    slow = [
        [len(pixels(a) & pixels(b)) / len(pixels(a) | pixels(b)) for b in boxes[3:]] for a in boxes
    ]
    np.testing.assert_allclose(iou(boxes, boxes[3:]), slow, atol=1e-12)


def test_iou_by_hand() -> None:
    assert iou([(0, 0, 2, 2)], [(1, 0, 3, 2), (2, 2, 4, 4), (0.5, 0, 1.5, 2)]).tolist() == [
        [pytest.approx(1 / 3), 0, 0.5]
    ]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("tolerance", [0, 1, 2.5])
def test_energy_and_pointing_pixel_by_pixel(seed: int, tolerance: float) -> None:
    random = np.random.default_rng(seed)
    values = random.integers(-5, 4, (9, 11)).astype(float)  # equal maxima are the rule
    boxes = [(1.5, 0.0, 4.0, 3.2), (6.0, 4.0, 9.0, 9.0)]
    region = inside(boxes, values.shape)
    for (y, x), found in np.ndenumerate(region):
        slow = any(a <= x + 0.5 <= c and b <= y + 0.5 <= d for a, b, c, d in boxes)
        assert found == slow
    lit = [(v, bool(region[at])) for at, v in np.ndenumerate(values) if v > 0]
    share = sum(v for v, hit in lit if hit) / sum(v for v, _ in lit)
    assert energy(values, region) == pytest.approx(share)
    peaks = np.argwhere(values == values.max())
    near = [
        min(np.hypot(*(peak - at)) for at in np.argwhere(region)) <= tolerance for peak in peaks
    ]
    assert pointing(values, region, tolerance) == pytest.approx(np.mean(near))


def test_two_blobs() -> None:
    values = two_blobs()
    assert largest_box(values, 0.4) == (1, 2, 9, 12)
    assert largest_box(values, 0.6) == (20, 14, 25, 18)
    assert pointing(values, inside([(20, 14, 25, 18)], values.shape)) == 1
    assert energy(values, inside([(1, 2, 9, 12)], values.shape)) == pytest.approx(40 / 60)
    largest, best = sweep(values, [(20, 14, 25, 18)])
    assert largest[SHARES > 0.5].tolist() == [1] * 49 and not largest[SHARES <= 0.5].any()
    assert best.tolist() == [1] * 100


def test_a_constant_map_is_the_whole_image() -> None:
    values, region = np.full((6, 8), 0.3), inside([(0, 0, 4, 6)], (6, 8))
    assert largest_box(values, 1.0) == (0, 0, 8, 6)
    assert energy(values, region) == pytest.approx(0.5)
    assert pointing(values, region) == 0.5


@pytest.mark.parametrize("value", [0.0, -2.0])
def test_a_map_without_positive_value_finds_nothing(value: float) -> None:
    values, region = np.full((6, 8), value), np.ones((6, 8), bool)
    assert largest_box(values, 0.0) is None
    assert energy(values, region) == pointing(values, region) == 0
    assert not np.any(sweep(values, [(0, 0, 8, 6)]))


def test_the_lowest_share_lights_what_is_positive() -> None:
    values = two_blobs() - 0.25
    assert largest_box(values, 0.0) == (1, 2, 9, 12)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_outside_is_refused(share: float) -> None:
    with pytest.raises(InputError, match=r"share of the maximum in \[0, 1\]"):
        largest_box(two_blobs(), share)


@pytest.mark.parametrize("values", [np.ones(3), np.ones((0, 4)), np.array([[1, np.nan]])])
def test_a_map_that_is_none_is_refused(values: np.ndarray) -> None:
    for use in (lambda: largest_box(values, 0.5), lambda: sweep(values, [(0, 0, 1, 1)])):
        with pytest.raises(InputError, match="one finite value per pixel"):
            use()


@pytest.mark.parametrize("seed", range(3))
def test_sweep_equals_flood_fill_at_every_share(seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(13, 17)).astype(np.float32)
    truths = [(2.0, 1.0, 9.5, 8.0), (10.0, 3.0, 16.0, 12.0)]
    largest, best = sweep(values, truths)
    for share, one, other in zip(SHARES, largest, best, strict=True):
        parts = flooded((values > 0) & (values >= share * values.max()))
        fits = [iou([box_around(part)], truths).max() for part in parts]
        most = max(map(len, parts))
        assert other == pytest.approx(max(fits))
        assert any(
            one == pytest.approx(fit)
            for part, fit in zip(parts, fits, strict=True)
            if len(part) == most
        )


def test_large_maps_are_swept_in_image_coordinates() -> None:
    values = np.zeros((448, 896), np.float32)
    values[100:200, 400:600] = 1
    largest, best = sweep(values, [(400, 100, 600, 200)])
    assert largest.min() == best.min() == 1


def test_tuned_share_is_the_middle_of_the_best() -> None:
    values = two_blobs()
    values[14:18, 25:29] = 0.2  # below .2 the bright blob is too wide, up to .5 the dim one wins
    assert tune([values] * 2, [[(20, 14, 25, 18)]] * 2) == pytest.approx(0.75)
    assert tune([values] * 2, [[(1, 2, 9, 12)]] * 2) == pytest.approx(0.25)


@pytest.mark.parametrize("sigma", [0.1, 0.25])
def test_centre_falls_off_by_its_sigma(sigma: float) -> None:
    values = centred_gaussian((200, 100), sigma)
    assert values.argmax() in [100 * row + column for row in (99, 100) for column in (49, 50)]
    np.testing.assert_array_equal(values, values[::-1, ::-1])
    one_sigma = values[100 + round(200 * sigma), 50]
    assert one_sigma == pytest.approx(np.exp(-0.5), abs=0.02)
