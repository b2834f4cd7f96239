"""Summaries over images: the metrics one image at a time, and the confidence intervals."""

from __future__ import annotations

import numpy as np
import pytest
from localization import SHARES, Localization, Row, Truth, rows, score, sweep

from interp.errors import InputError
from interp.evaluation.bootstrap import compare, estimate, resampled_means
from interp_standard.baseline import centred_gaussian
from interp_standard.localize import iou, largest_box

SHAPE = (24, 32)
FEW = 50


def scene(seed: int, count: int = 12) -> tuple[list[np.ndarray], list[Truth]]:
    """Noisy maps with a lit rectangle somewhere near one of the true boxes."""
    random, maps, truths = np.random.default_rng(seed), [], []
    for number in range(count):
        boxes = []
        for _ in range(1 + number % 3):
            left, top = random.integers(0, 10), random.integers(0, 6)
            size = random.integers(4, 22), random.integers(4, 18)
            boxes.append((left, top, left + size[0], top + size[1]))
        values = random.normal(0, 0.2, SHAPE)
        left, top, right, bottom = boxes[-1]
        shift = random.integers(0, 5)
        values[top : bottom + shift, max(0, left - shift) : right] += 1
        maps.append(values)
        truths.append(Truth(SHAPE, boxes, rank=int(random.integers(0, 8))))
    return maps, truths


def by_name(found: list[Row]) -> dict[tuple[str, str], Row]:
    return {(row.metric, row.group): row for row in found}


@pytest.mark.parametrize("seed", range(3))
def test_every_metric_one_image_at_a_time(seed: int) -> None:
    maps, truths = scene(seed)
    found = by_name(Localization(0.4, 0.3).report(maps, truths, np.random.default_rng(0), FEW))
    for column, share, used in (
        ("value", 0.4, maps),
        ("other", 0.3, [centred_gaussian(SHAPE)] * len(maps)),
    ):
        small = np.array(
            [max((c - a) * (d - b) for a, b, c, d in t.boxes) < 0.3 * 24 * 32 for t in truths]
        )
        fit = np.array(
            [
                iou([largest_box(values, share)], truth.boxes).max()
                for values, truth in zip(used, truths, strict=True)
            ]
        )
        rank = np.array([each.rank for each in truths])
        for group, chosen in (("all", small >= 0), ("small", small), ("large", ~small)):
            for name, right in (
                ("known-class error", fit >= 0.5),
                ("top-1 error", (fit >= 0.5) & (rank == 0)),
                ("top-5 error", (fit >= 0.5) & (rank <= 4)),
            ):
                measured = getattr(found[name, group], column)
                assert measured.value == pytest.approx(1 - right[chosen].mean())
                assert measured.count == chosen.sum() and not measured.higher_is_better
            best = np.array([sweep(v, t.boxes)[1] for v, t in zip(used, truths, strict=True)])[
                chosen
            ]
            slow = np.mean([max((best >= at).mean(0)) for at in (0.3, 0.5, 0.7)])
            assert getattr(found["MaxBoxAccV2", group], column).value == pytest.approx(slow)


def test_differences_are_of_the_same_images() -> None:
    maps, truths = scene(3)
    for row in Localization(0.4, 0.3).report(maps, truths, np.random.default_rng(0), FEW):
        assert row.difference.value == pytest.approx(row.value.value - row.other.value)
        for each in (row.value, row.other, row.difference):
            if each.count == 1 and each.low is None:
                continue  # a single image has no interval
            assert each.low <= each.value <= each.high or row.metric == "MaxBoxAccV2"


def test_a_perfect_map_beats_the_centre_on_a_small_object_in_the_corner() -> None:
    truths = [Truth(SHAPE, [(0, 0, 6, 6)], rank=0)] * 4
    values = np.zeros(SHAPE)
    values[:6, :6] = 1
    found = by_name(Localization(0.5, 0.5).report([values] * 4, truths, np.random.default_rng(0)))
    assert {group for _, group in found} == {"all", "small"}
    for name, best in (("top-1 error", 0), ("MaxBoxAccV2", 1), ("pointing", 1), ("energy", 1)):
        assert found[name, "small"].value.value == best
    for name in ("top-1 error", "top-5 error", "known-class error"):
        assert found[name, "small"].difference.value == -1
    assert found["pointing", "all"].other.value == 0


def test_without_ranks_there_is_no_top_error() -> None:
    truths = [Truth(SHAPE, [(0, 0, 6, 6)])] * 2
    found = Localization(0.5, 0.5).report([np.ones(SHAPE)] * 2, truths, np.random.default_rng(0))
    assert {row.metric for row in found} == {
        "known-class error", "MaxBoxAccV2", "pointing", "energy",
    }  # fmt: skip


@pytest.mark.parametrize("kind", [bool, np.uint8])
def test_a_mask_counts_instead_of_its_box(kind: type) -> None:
    values, mask = np.ones(SHAPE), np.zeros(SHAPE, kind)
    mask[0, :8] = 1
    found = score([values], [Truth(SHAPE, [(0, 0, 8, 8)], mask)], 0.5)
    assert found.energy[0] == pytest.approx(8 / (24 * 32))
    assert found.pointing[0] == pytest.approx(8 / (24 * 32))


def test_each_threshold_is_tuned_for_its_own_maps() -> None:
    shape = (120, 160)
    values = centred_gaussian(shape, 0.1)
    box = largest_box(values, 0.6)
    tuned = Localization.tuned([values] * 3, [Truth(shape, [box])] * 3)
    assert iou([largest_box(values, tuned.share)], [box]) > 0.7
    assert iou([largest_box(centred_gaussian(shape), tuned.centre_share)], [box]) > 0.7
    assert tuned.centre_share > tuned.share  # the wider Gaussian has to be cut higher


@pytest.mark.parametrize(
    ("truth", "said"),
    [
        (Truth(SHAPE, []), "without boxes"),
        (Truth((5, 5), [(0, 0, 1, 1)]), "expected the image's"),
        (Truth(SHAPE, [(0, 0, 1, 1)], np.ones((2, 2), bool)), "a mask of"),
    ],
)
def test_what_does_not_go_together_is_told(truth: Truth, said: str) -> None:
    with pytest.raises(InputError, match=said):
        score([np.ones(SHAPE)], [truth], 0.5)


def test_scores_of_different_images_are_not_compared() -> None:
    one, other = (
        score([np.ones(SHAPE)], [Truth(SHAPE, [box])], 0.5) for box in ((0, 0, 2, 2), (0, 0, 9, 9))
    )
    with pytest.raises(InputError, match="different images"):
        rows(one, other, np.random.default_rng(0))


def test_progress_reaches_the_end() -> None:
    maps, truths = scene(0, 3)
    told: list[tuple[str, int, int | None]] = []
    Localization(0.5, 0.5).score(maps, truths, lambda *what: told.append(what))
    assert told == [("scoring maps", done, 3) for done in (1, 2, 3)]


def test_resampled_means_equal_drawn_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interp.evaluation.bootstrap.DRAWN_AT_ONCE", 50)  # several blocks
    values = np.random.default_rng(1).normal(size=(9, 3))
    drawn = np.random.default_rng(7).integers(9, size=(23, 9))
    slow = np.stack([values[each].mean(0) for each in drawn])
    np.testing.assert_allclose(resampled_means(values, np.random.default_rng(7), 23), slow)


def test_interval_covers_the_mean_about_as_often_as_it_says() -> None:
    random, hits = np.random.default_rng(0), 0
    for _ in range(300):
        found = estimate(random.normal(3, 2, 60), random, resamples=400)
        hits += found.low <= 3 <= found.high
    assert 0.90 <= hits / 300 <= 0.98


def test_interval_of_a_large_sample_is_the_textbook_one() -> None:
    values = np.random.default_rng(2).random(2000)
    found = estimate(values, np.random.default_rng(0))
    half = 1.96 * values.std() / np.sqrt(2000)
    assert found.low == pytest.approx(found.value - half, abs=0.05 * half)
    assert found.high == pytest.approx(found.value + half, abs=0.05 * half)


def test_pairing_removes_what_images_share() -> None:
    random = np.random.default_rng(4)
    hard = random.normal(size=300)
    first, second = hard + 0.1, hard + random.normal(0, 0.01, 300)
    found = compare(first, second, np.random.default_rng(0))
    assert found.value == pytest.approx((first - second).mean())
    assert 0.09 < found.low < found.high < 0.11
    assert compare(first, first, np.random.default_rng(0)).high == 0


def test_intervals_repeat_with_their_seed() -> None:
    values = np.random.default_rng(2).random(40)
    once, again, other = (estimate(values, np.random.default_rng(s)) for s in (1, 1, 2))
    assert once == again != other


def test_no_images_have_no_mean() -> None:
    for use in (
        lambda: estimate(np.zeros(0), np.random.default_rng(0)),
        lambda: score([], [], 0.5),
    ):
        with pytest.raises(InputError, match="found no images"):
            use()
    with pytest.raises(InputError, match="expected the same ones"):
        compare(np.zeros(2), np.zeros(3), np.random.default_rng(0))


def test_shares_are_hundredths() -> None:
    assert len(SHARES) == 100 and SHARES[0] == 0 and SHARES[-1] == 0.99
