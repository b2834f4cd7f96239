"""Each measure against a slow second writing, and on filters whose answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interp.context import Context
from interp.errors import InputError
from interp.evaluation.dissection import iou
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.registry import Registry
from interp_explainer.knowledge import TrainedExplainer
from interp_explainer.metric.part import Places, by_filter, distances, instability, tracking


def slow(apart: np.ndarray, score: np.ndarray, highest: int) -> np.ndarray:
    """D by the text, one filter and part at a time."""
    _, filters, parts = apart.shape
    found = np.full((filters, parts), np.nan)
    for f in range(filters):
        for k in range(parts):
            rows = [n for n in range(len(apart)) if not np.isnan(apart[n, f, k])]
            rows = sorted(rows, key=lambda n: -score[n, f])[:highest]
            if len(rows) > 1:
                values = [apart[n, f, k] for n in rows]
                mean = sum(values) / len(values)
                variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
                found[f, k] = np.sqrt(variance)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_instability(seed: int) -> None:
    random = np.random.default_rng(seed)
    peaks, parts = random.random((30, 4, 2)) * 50, random.random((30, 3, 2)) * 50
    parts[random.random((30, 3)) < 0.3] = np.nan
    parts[1:, 2] = np.nan  # one image alone
    score = random.random((30, 4))
    apart = distances(peaks, parts, (40, 30))
    n, f, k = 3, 2, 0
    wanted = np.sqrt(((peaks[n, f] - parts[n, k]) ** 2).sum()) / 50
    assert np.isnan(apart[n, f, k]) == np.isnan(wanted)
    np.testing.assert_allclose(instability(apart, score, 10), slow(apart, score, 10))
    groups = random.integers(0, 2, 30)
    expected = np.full(4, np.inf)
    for group in (0, 1):
        one = slow(apart[groups == group], score[groups == group], 100)
        expected = np.minimum(expected, [np.nanmean(row) for row in one])
    found = by_filter(steadiness, Places(peaks, parts, score, (40, 30)), groups)
    np.testing.assert_allclose(found, expected)


def steadiness(places: Places) -> np.ndarray:
    return instability(distances(places.peaks, places.parts, places.size), places.score)


def slow_tracking(
    peaks: np.ndarray, parts: np.ndarray, score: np.ndarray, highest: int
) -> np.ndarray:
    """Adjusted R^2 by a regression of each coordinate, one filter and part at a time."""
    found = np.full((peaks.shape[1], parts.shape[1]), np.nan)
    for f in range(peaks.shape[1]):
        for k in range(parts.shape[1]):
            rows = [n for n in range(len(parts)) if not np.isnan(parts[n, k, 0])]
            rows = sorted(rows, key=lambda n: -score[n, f])[:highest]
            if len(rows) < 2:
                continue
            moves = [axis for axis in (0, 1) if np.ptp(peaks[rows, f, axis]) > 0]
            free = len(rows) - 1 - len(moves)
            if free < 1 or np.ptp(parts[rows, k], axis=0).max() == 0:
                continue
            design = np.column_stack(
                [np.ones(len(rows)), *(peaks[rows, f, axis] for axis in moves)]
            )
            left = whole = 0.0
            for axis in (0, 1):
                place = parts[rows, k, axis]
                answer = np.linalg.lstsq(design, place, rcond=None)[0]
                left += float(((place - design @ answer) ** 2).sum())
                whole += float(((place - place.mean()) ** 2).sum())
            found[f, k] = 1 - left / whole * (len(rows) - 1) / free
    return found


@pytest.mark.parametrize("seed", range(3))
def test_tracking(seed: int) -> None:
    random = np.random.default_rng(seed)
    parts = random.random((30, 3, 2)) * 50
    parts[random.random((30, 3)) < 0.3] = np.nan
    parts[1:, 2] = np.nan  # one image alone: no movement
    score, peaks = random.random((30, 5)), random.random((30, 5, 2)) * 50
    peaks[:, 0] = np.nan_to_num(parts[:, 0]) + np.array([3, -4])  # glued
    peaks[:, 1] = [20, 25]  # never moves
    found = tracking(peaks, parts, score, 10)
    np.testing.assert_allclose(found, slow_tracking(peaks, parts, score, 10), atol=1e-12)
    assert found[0, 0] == pytest.approx(1) and found[1, :2] == pytest.approx(0, abs=1e-12)
    apart = random.random((4, 200, 2))  # what moves without the part explains nothing
    aimless = tracking(apart[:3].swapaxes(0, 1), apart[3:].swapaxes(0, 1), np.ones((200, 3)), 200)
    assert abs(aimless.mean()) < 0.03


def test_the_best_part_and_class_are_the_ones_that_measure_best() -> None:
    random = np.random.default_rng(0)
    parts, groups = random.random((40, 2, 2)) * 50, np.arange(40) % 2
    peaks = np.stack([np.where(groups[:, None] == 1, parts[:, 1], 25.0)], 1)  # glued in group 1
    places = Places(peaks, parts, np.ones((40, 1)), (60, 60))

    def followed(each: Places) -> np.ndarray:
        return tracking(each.peaks, each.parts, each.score)

    assert by_filter(followed, places, groups, "best", True) == pytest.approx([1])
    assert by_filter(steadiness, places, groups, "best") == pytest.approx([0])
    assert by_filter(followed, places, np.zeros(40), "best", True) < 0.9


def test_acceptance_7_a_filter_glued_to_a_landmark_is_steady_and_may_be_moved_as_one() -> None:
    """Peaks at a landmark plus a displacement; what an offset does depends on both of them."""
    random = np.random.default_rng(0)
    landmark = random.random((20, 1, 2)) * 80 + 10
    angle, size = random.random((20, 1)) * 2 * np.pi, (60, 80)
    around = np.stack([np.cos(angle), np.sin(angle)], 2)
    fixed = np.array([5.0, -3.0])

    def value(peaks: np.ndarray, parts: np.ndarray = landmark) -> float:
        places = Places(peaks, parts, np.ones((20, 1)), size)
        return float(by_filter(steadiness, places, np.zeros(20))[0])

    def by_hand(away: np.ndarray) -> float:
        return float(np.std(np.hypot(away[:, 0, 0], away[:, 0, 1]) / 100, ddof=1))

    steady = pytest.approx(0, abs=1e-12)
    assert value(landmark) == steady
    assert value(landmark + fixed) == steady == value(landmark + fixed + fixed)
    # offsets of one length that are not the same vector
    assert value(landmark + fixed + 4 * around) == pytest.approx(by_hand(fixed + 4 * around)) != 0
    # the same vector where the distance is constant and the direction is not, and where neither is
    assert value(landmark + 4 * around) == steady
    assert value(landmark + 4 * around + fixed) == pytest.approx(by_hand(4 * around + fixed)) != 0
    moving = random.random((20, 1, 2)) * 9
    assert abs(value(landmark + moving + fixed) - value(landmark + moving)) > 1e-3
    # glued to one landmark, a filter is steady to another as far as that one keeps its distance
    rigid = np.concatenate([landmark, landmark + fixed], 1)
    loose = np.concatenate([landmark, landmark + moving], 1)
    assert value(landmark, rigid) == steady
    assert value(landmark, loose) == pytest.approx(by_hand(moving) / 2) != 0
    assert value(random.random((20, 1, 2)) * 100) > 0.1


def test_hits() -> None:
    mask = np.zeros((6, 6), bool)
    mask[:2, :4] = True
    regions = np.zeros((4, 6, 6), bool)
    regions[0] = mask
    regions[1, :2, 2:6] = True  # 4 of 12
    regions[2, 3:] = True
    assert (iou(regions, mask) > 0.2).tolist() == [True, True, False, False]
    assert (iou(regions, mask) > 0.34).tolist() == [True, False, False, False]


@pytest.fixture
def folder(learned: Knowledge, tmp_path: Path) -> str:
    learned.save(tmp_path / "K")
    return str(tmp_path / "K")


def measure(name: str, model: ModelAdapter, data: Any, **params: Any) -> Any:
    kind: Any = Registry.load().get("metric", name)
    return kind(kind.Params(**params)).measure(model, data, Context())


def test_instability_of_an_explainer_and_of_its_network(
    model: ModelAdapter, squares: Any, learned: Knowledge, folder: str
) -> None:
    """Both by hand from maps, peaks at their cells' centres."""
    known, data, layer = TrainedExplainer.read(model, learned), squares(30), model.layer("second.1")
    assert layer.field is not None
    for of in ("explainer", "performer"):
        peaks, scores, parts = [], [], []
        for example in data:
            prepared, _ = model.prepare(example.image)
            seen, _, answer = known.run(prepared[None])
            maps = (answer.encoded.raw if of == "explainer" else seen)[0].numpy()
            cells = [np.unravel_index(each.argmax(), each.shape) for each in maps]
            peaks.append(np.array(cells) * layer.field.stride + layer.field.offset)
            scores.append(maps.max((1, 2)))
            where = {part.name: part.centre[::-1] for part in example.instances[0].parts}
            gone = (np.nan, np.nan)
            parts.append([where.get(name, gone) for name in ("left", "right", "corner")])
        apart = distances(np.array(peaks), np.array(parts), (16, 16))
        expected = np.nanmean(slow(apart, np.array(scores), 100), 1).mean()
        found = measure("part-instability", model, data, knowledge=folder, of=of)
        assert found.value == pytest.approx(expected, rel=1e-6) and not found.higher_is_better
        labels = np.arange(30) % 3
        places = Places(np.array(peaks), np.array(parts), np.array(scores), (16, 16))
        expected = by_filter(steadiness, places, labels).mean()
        each = measure("part-instability", model, data, knowledge=folder, of=of, within="class")
        assert each.value == pytest.approx(expected, rel=1e-6)


def test_blind_filters(model: ModelAdapter, squares: Any, folder: str) -> None:
    """A dot that never moves: as steady as parts are, and it follows none."""
    data, layer = squares(30), model.layer("second.1")
    assert layer.field is not None
    parts = []
    for example in data:
        where = {part.name: part.centre[::-1] for part in example.instances[0].parts}
        parts.append([where.get(name, (np.nan, np.nan)) for name in ("left", "right", "corner")])

    def expected(point: tuple[float, float]) -> float:
        apart = distances(np.full((30, 1, 2), point), np.array(parts), (16, 16))
        return float(np.nanmean(slow(apart, np.ones((30, 1)), 100)))

    def found(of: str, metric: str = "part-instability") -> Any:
        return measure(metric, model, data, knowledge=folder, of=of)

    assert found("centre").value == pytest.approx(expected((8, 8)))
    maps = model.activations(model.prepare(data[0].image)[0][None], ["second.1"])["second.1"]
    stride, offset = np.array(layer.field.stride), np.array(layer.field.offset)
    cells = [expected(offset + stride * cell) for cell in np.ndindex(*maps.shape[-2:])]
    assert found("cells").value == pytest.approx(np.mean(cells)) and found("cells").count > 1
    assert found("best-cell").value == pytest.approx(min(cells))
    for of in ("centre", "cells", "best-cell"):
        assert found(of, "part-tracking").value == pytest.approx(0, abs=1e-9)
    ideal = measure("part-tracking", model, data, knowledge=folder, of="ideal", over="best")
    assert ideal.value == pytest.approx(1)


@pytest.fixture
def planted(model: ModelAdapter) -> ModelAdapter:
    """TinyVgg whose second maps are above zero on the square alone, whatever its colour."""
    module: Any = model.module()
    with torch.no_grad():
        for part in (module.first[0], module.second[0]):
            part.weight.zero_()
            part.bias.zero_()
        for k in range(3):
            module.first[0].weight[k, k, 1, 1] = 1.0
            module.first[0].bias[k] = -0.2  # noise is darker
        module.second[0].weight[:, :3, 1, 1] = 1.0
    return model


def test_filters_that_see_the_square_hit_its_halves(
    planted: ModelAdapter, squares: Any, folder: str
) -> None:
    params: dict[str, Any] = {"knowledge": folder, "of": "performer", "top": 0.35}
    found = measure("part-overlap", planted, squares(30), least=0.15, **params)
    assert found.value == 1 and found.count == 5
    assert measure("part-overlap", planted, squares(30), least=0.6, **params).value == 0
    ours = measure("part-overlap", planted, squares(30), knowledge=folder)
    assert 0 <= ours.value <= 1 and ours.count == 7


def test_rebuilding(model: ModelAdapter, squares: Any, learned: Knowledge, folder: str) -> None:
    known, data = TrainedExplainer.read(model, learned), squares(15)
    images = torch.stack([model.prepare(each.image)[0] for each in data])
    _, goals, answer = known.run(images)
    for at, layer in enumerate(("relu1", "relu2")):
        error = (answer.goals[at] - goals[at]).square().sum() / goals[at].square().sum()
        found = measure("rebuilding-error", model, data, knowledge=folder, layer=layer)
        assert found.value == pytest.approx(error.item(), rel=1e-4)
    scores = model.module().classifier(answer.goals[1])
    right = np.mean([int(row.argmax()) == n % 3 for n, row in enumerate(scores)])
    assert measure("rebuilt-accuracy", model, data, knowledge=folder).value == pytest.approx(right)
    own = np.mean([int(row.argmax()) == n % 3 for n, row in enumerate(model.predict(images))])
    performer = measure("rebuilt-accuracy", model, data, knowledge=folder, of="performer")
    assert performer.value == pytest.approx(own)
    p = measure("part-share", model, data, knowledge=folder).value
    assert p == pytest.approx(known.network.p.item())


def test_measures_that_lack_something(model: ModelAdapter, squares: Any, folder: str) -> None:
    class Bare(squares):  # type: ignore[misc]
        def __getitem__(self, index: int) -> Any:
            from dataclasses import replace

            return replace(super().__getitem__(index), instances=())

    with pytest.raises(InputError, match="found no part's position"):
        measure("part-instability", model, Bare(6), knowledge=folder)
    with pytest.raises(InputError, match="found no mask of a part"):
        measure("part-overlap", model, Bare(6), knowledge=folder)
    with pytest.raises(InputError, match="relu3 is not rebuilt; did you mean"):
        measure("rebuilding-error", model, squares(6), knowledge=folder, layer="relu3")
    with pytest.raises(InputError, match="no explainer of"):
        measure("part-share", model, squares(6))
