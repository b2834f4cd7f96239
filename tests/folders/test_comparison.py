"""Comparisons explain images in groups: the answers of one image at a time, however cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.folder_commands import arrays, assert_equal, without_times

from interp.cluster.pool import Lost, Pool
from interp.comparison import asked, comparison_run
from interp.comparison.compare import compare
from interp.comparison.result import ComparedImage, Comparison, ComparisonRequest
from interp.context import Budget
from interp.errors import Cancelled
from interp.request import Choice
from interp.session import Session

READABLE = 10
CLOSE = 1e-5
"""How far a map may be from the one of its image alone, as a share of its largest value."""
METHODS = (
    Choice(name="rise", params={"samples": 20}),
    Choice(name="gradcam"),
    Choice(name="integrated-gradients", params={"steps": 2}),
    Choice(name="saliency"),
)


@pytest.fixture
def go(registry, model, photos):
    """A comparison of two methods that take several images and two that do not."""

    def call(out: Path | None = None, session: Any = None, **options: Any) -> Comparison:
        targets = options.pop("targets", ())
        methods = options.pop("methods", METHODS)
        request = ComparisonRequest(
            methods=methods, data=str(photos), targets=targets, budget=Budget(batch_size=4)
        )
        return compare(request, session or Session(registry, model=model), out=out, **options)

    return call


def outcomes(found: Comparison) -> list[tuple[Any, ...]]:
    """What is told of each method on each image, without numbers that rounding changes."""
    return [
        (
            *(each.name, each.prediction.classes, each.targets, one.method, one.error),
            *(one.samples, one.evaluated, list(one.r2), list(one.peak)),
        )
        for each in found.records
        for one in each.outcomes
    ]


def assert_close(found: Comparison, expected: Comparison) -> None:
    """The same images, targets and outcomes, and maps that differ by rounding at most."""
    assert outcomes(found) == outcomes(expected)
    assert found.notes == expected.notes
    for one, other in zip(found.cases, expected.cases, strict=True):
        for cell, wanted in zip(one.cells, other.cells, strict=True):
            for target, each in wanted.maps_by_target(other.targets).items():
                values = cell.maps_by_target(one.targets)[target].map()
                most = np.abs(each.map()).max()
                np.testing.assert_allclose(values, each.map(), rtol=0, atol=CLOSE * most)


@pytest.mark.parametrize("targets", [(), ("arbo", "fenka, not arbo")])
@pytest.mark.parametrize("stored", [False, True])
def test_answers_are_those_of_one_image_at_a_time(
    targets, stored, go, sizes, tmp_path, monkeypatch
) -> None:
    together = go(tmp_path / "together" if stored else None, targets=targets)
    assert sizes == [4, 4, 3, 3, 3, 3]  # gradcam and saliency, of eleven images but the sixth
    assert {each.error for one in together.records for each in one.outcomes} == {None}
    monkeypatch.setattr(comparison_run, "FEW", 1)
    alone = go(tmp_path / "alone" if stored else None, targets=targets)
    assert len(sizes) == 6
    assert_close(together, alone)
    for one, other in zip(together.cases, alone.cases, strict=True):
        for cell, wanted in zip(one.cells, other.cells, strict=True):
            assert cell.explanation.source.request == wanted.explanation.source.request


def test_large_images_are_few_in_a_group(go, sizes, monkeypatch) -> None:
    monkeypatch.setattr(asked, "PIXELS", 4 * 60 * 90)
    go(methods=METHODS[1:2])
    assert sizes == [4, 4, 2]


def test_images_are_told_in_order_with_each_answer(go, registry, model) -> None:
    heard: list[tuple[str, int]] = []
    counts: list[int] = []

    def on_image(case: ComparedImage) -> None:
        heard.append((case.name, sum(not each.waiting for each in case.cells)))

    def progress(label: str, done: int, total: int | None) -> None:
        if label == "images":
            assert total == READABLE + 1
            counts.append(done)

    found = go(session=Session(registry, model=model, progress=progress), on_image=on_image)
    names = [each.name for each in found.records]
    assert heard == [(name, done) for name in names for done in range(len(METHODS) + 1)]
    assert counts == list(range(READABLE + 1))


def test_progress_into_a_folder_counts_each_image(go, registry, model, tmp_path) -> None:
    counts: list[int] = []

    def progress(label: str, done: int, total: int | None) -> None:
        if label == "images":
            counts.append(done)

    go(tmp_path / "out", Session(registry, model=model, progress=progress))
    assert counts == list(range(READABLE + 2))


def whole(found: Comparison) -> Any:
    """What a comparison's folder holds, without its times."""
    return without_times(found.facts()), arrays(found.folder)


def test_what_was_stopped_comes_out_the_same(go, registry, model, tmp_path) -> None:
    expected = whole(go(tmp_path / "expected"))

    def stop(label: str, done: int, total: int | None) -> None:
        if label == "images" and done == 6:
            raise KeyboardInterrupt

    with pytest.raises(Cancelled, match="goes on"):
        go(tmp_path / "out", Session(registry, model=model, progress=stop))
    counts: list[tuple[int, int | None]] = []

    def count(label: str, done: int, total: int | None) -> None:
        if label == "images":
            counts.append((done, total))

    again = Session(registry, model=model, progress=count)
    assert_equal(whole(go(tmp_path / "out", again)), expected)
    assert counts[0] == (5, 11) and counts[-1] == (11, 11)


def test_a_cancelled_group_ends_the_comparison(go, registry, model) -> None:
    with pytest.raises(Cancelled):
        go(methods=METHODS[1:2], session=Session(registry, model=model, cancelled=lambda: True))


class Workers(Pool):
    """A pool that opens the comparison anew, as workers do, and of which one image is the end."""

    workers, remote = 2, True

    def __init__(self, poison: int | None = None) -> None:
        self.poison = poison
        self.sizes: list[int] = []

    def map(self, do, pieces, reopen, ordered=False) -> Iterator[Any]:
        own = reopen()
        for piece in pieces:
            self.sizes.append(len(piece))
            yield piece, Lost("died") if self.poison in piece else own(piece)


def test_workers_make_the_same_folder(go, registry, tmp_path) -> None:
    pool = Workers()
    found = go(tmp_path / "workers", Session(registry, pool=pool))
    assert pool.sizes == [4, 4, 3]
    assert_equal(whole(found), whole(go(tmp_path / "here")))


def test_more_images_are_together_where_every_method_takes_several(go, sizes) -> None:
    go(methods=METHODS[1::2])
    assert sizes == [READABLE] * 2


def test_an_image_that_ends_its_worker_is_left_out_alone(go, registry, tmp_path) -> None:
    pool = Workers(poison=3)
    found = go(tmp_path / "out", Session(registry, pool=pool))
    assert pool.sizes == [4, 4, 3, 1, 1, 1, 1]
    assert [each.name for each in found.records] == [
        f"{n:02d}" for n in range(11) if n not in (3, 5)
    ]
    assert any("died" in each for each in found.notes)


def test_a_method_that_fails_on_one_image_fails_there_alone(
    go, torn_on_the_fourth, tmp_path
) -> None:
    found = go(tmp_path / "out")
    errors = {(each.name, one.method): one.error for each in found.records for one in each.outcomes}
    assert {where: each for where, each in errors.items() if each} == {("03", "gradcam"): "torn"}
    assert set(Comparison.open(tmp_path / "out").map("gradcam", image=2).shape) == {62, 88}


def test_a_mistake_in_a_method_is_told_in_its_cells(go) -> None:
    found = go(methods=(Choice(name="gradcam", params={"layer": "nowhere"}), METHODS[3]))
    told = [[each.error for each in one.outcomes] for one in found.records]
    assert all("nowhere" in first and second is None for first, second in told)
