"""The experiment itself: states, regions, answers, micro-batches, checkpoints."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from interp.context import Budget, Context
from interp.engine.component import Weighting
from interp.engine.design import Design, ImageSubject, RegionDesign
from interp.engine.moments import Moments
from interp.engine.random import draw_states
from interp.engine.respond import _answers, accumulate
from interp.errors import Cancelled, ModelError
from interp.memory import Answers, BatchSize
from interp.network.placement import place
from interp.target import Target
from interp.testing import ToyModel

TARGETS = [Target(0, "ant"), Target(1, "bee"), Target(0, "ant, not bee", against=1)]


@dataclass(frozen=True)
class Even(Weighting):
    """Every sample counts the same."""

    def weigh(self, design: Design, states: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        return torch.ones(len(states))


class Counting(ToyModel):
    """A toy that counts the images it has seen, and can fail."""

    seen = 0
    largest = 1000
    fail_after = 10**9

    def predict(self, images: torch.Tensor) -> torch.Tensor:
        if len(images) > self.largest:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        if self.seen + len(images) > self.fail_after:
            raise KeyboardInterrupt
        self.seen += len(images)
        return super().predict(images)


def experiment(model: ToyModel, seed: int = 0) -> tuple[ImageSubject, RegionDesign]:
    size = model.spec.input.size
    pixels = torch.from_numpy(draw_states(5, "x", 0, (3 * size[0], size[1]))).float()
    pixels = pixels.reshape(3, *size) * 0.7 + 0.1
    labels = np.add.outer(np.arange(size[0]) // 8 * 4, np.arange(size[1]) // 8)
    design = RegionDesign(pixels, labels, torch.full((3,), 0.5), seed)
    return ImageSubject(model, pixels, place(size, model.spec.input)), design


def moments(context: Context, model: ToyModel, count: int = 450, seed: int = 0) -> Moments:
    subject, design = experiment(model, seed)
    return accumulate(context, subject, design, TARGETS, Even(), "prob", count)


def test_states_depend_on_seed_stream_and_chunk_alone() -> None:
    first = draw_states(1, "a", 3, (100, 9))
    assert np.array_equal(first, draw_states(1, "a", 3, (100, 9)))
    assert np.array_equal(first[:50], draw_states(1, "a", 3, (50, 9)))
    for other in ((2, "a", 3), (1, "b", 3), (1, "a", 4)):
        assert 0.4 < (first != draw_states(*other, (100, 9))).mean() < 0.6
    assert abs(draw_states(0, "", 0, (1000, 50), keep=0.3).mean() - 0.3) < 0.01


def test_states_are_what_they_always_were() -> None:
    pinned = [[1, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1], [0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 1]]
    assert draw_states(0, "pinned", 2, (2, 12)).tolist() == pinned


def test_a_region_is_switched_off_where_it_is_painted() -> None:
    _, design = experiment(ToyModel())
    for part in range(design.parts):
        states = torch.ones(1, design.parts, dtype=torch.uint8)
        states[0, part] = 0
        changed = (design.apply(states)[0] != design.pixels).any(0).numpy()
        one_hot = np.eye(design.parts)[part]
        assert np.array_equal(changed, design.paint(one_hot) == 1)


def test_distance_equals_the_distance_of_the_perturbed_pixels() -> None:
    _, design = experiment(ToyModel())
    states = design.draw(1)
    slow = (design.apply(states) - design.pixels).double().square().sum((1, 2, 3))
    torch.testing.assert_close(design.distance(states), slow, rtol=1e-6, atol=1e-6)


def test_chunk_0_begins_with_the_anchors() -> None:
    model = ToyModel()
    _, design = experiment(model)
    states = design.draw(0)
    assert states[0].all() and not states[1].any()
    found = moments(Context(), model)
    clean = model.probabilities(model.predict(design.pixels[None]))[0]
    assert found.full is not None
    expected = torch.stack([target.select(clean) for target in TARGETS])
    torch.testing.assert_close(found.full, expected.double(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("batch_size", [1, 7, 64, 1000])
def test_moments_do_not_depend_on_the_batch_size(batch_size: int) -> None:
    fixed = moments(Context(budget=Budget(batch_size=batch_size)), ToyModel())
    measured = moments(Context(), ToyModel())
    assert fixed.count == measured.count == 450
    scale = measured.total.b.abs().max()
    assert float((fixed.total.b - measured.total.b).abs().max() / scale) < 1e-5


def test_a_killed_run_goes_on_and_ends_the_same(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("interp.engine.respond.SAVE_EVERY", 0.0)
    killed = Counting()
    killed.fail_after = 230
    fixed = Budget(batch_size=50)
    with pytest.raises(KeyboardInterrupt):
        moments(Context(checkpoint=tmp_path, budget=fixed), killed)
    resumed = Counting()
    found = moments(Context(checkpoint=tmp_path, budget=fixed), resumed)
    whole = moments(Context(budget=fixed), ToyModel())
    assert 0 < resumed.seen < 300
    assert found.chunks == whole.chunks
    torch.testing.assert_close(found.total.b, whole.total.b, rtol=1e-12, atol=1e-12)


def test_two_that_ask_the_same_share_the_forward_passes() -> None:
    model, context = Counting(), Context(budget=Budget(batch_size=50))
    first = moments(context, model)
    asked = model.seen
    again = moments(context, model)
    assert model.seen == asked
    assert torch.equal(first.total.b, again.total.b)
    moments(context, model, seed=1)
    assert model.seen > asked


def test_out_of_memory_halves_the_batch_until_it_fits() -> None:
    model = Counting()
    model.largest = 5
    small = moments(Context(budget=Budget(batch_size=64)), model)
    torch.testing.assert_close(
        small.total.b, moments(Context(), ToyModel()).total.b, rtol=1e-5, atol=1e-5
    )
    model.largest = 0
    with pytest.raises(RuntimeError, match="allocate"):
        moments(Context(), model)


def test_every_batch_size_is_tried_and_the_fastest_kept() -> None:
    batch = BatchSize(limit=100)
    speeds = {8: 10.0, 16: 15.0, 32: 14.0, 64: 12.0}
    seen = []
    for _ in range(6):
        size = batch.size()
        seen.append(size)
        batch.measured(size, 100, 100 / speeds[size])
    assert seen == [8, 16, 32, 64, 16, 16]
    batch.halve(16)
    assert batch.size() == 8
    with pytest.raises(ModelError, match="one sample"):
        batch.halve(1)


def test_nan_is_told() -> None:
    class Broken(ToyModel):
        def predict(self, images: torch.Tensor) -> torch.Tensor:
            return super().predict(images) * float("nan")

    with pytest.raises(ModelError, match="NaN"):
        moments(Context(), Broken())


def test_cancelling_and_the_time_budget_end_at_a_chunk() -> None:
    with pytest.raises(Cancelled):
        moments(Context(cancelled=lambda: True), ToyModel())
    short = moments(Context(budget=Budget(seconds=0.0)), ToyModel())
    assert short.count == 100


def test_progress_is_told_to_the_end() -> None:
    told: list[tuple[int, int | None]] = []
    context = replace(Context(), progress=lambda label, done, total: told.append((done, total)))
    moments(context, ToyModel(), count=250)
    assert told[-1] == (250, 250)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_kept_answers_lie_together_and_are_dropped_in_turn() -> None:
    answers = Answers(limit=5 * 12)
    scores = [torch.full((1, 3), float(at)) for at in range(9)]
    for at, each in enumerate(scores):
        answers.put(("subject", "design", at), each)
    kept = [answers.get(("subject", "design", at)) for at in range(9)]
    assert kept[:4] == [None] * 4
    places = {each.untyped_storage().data_ptr() for each in kept[4:] if each is not None}
    assert len(places) == 1 and answers.held == 5 * 12
    for each, expected in zip(kept[4:], scores[4:], strict=True):
        assert each is not None and torch.equal(each, expected)
    answers.put(("subject", "design", 8), torch.zeros(2, 3).double())
    again = answers.get(("subject", "design", 8))
    assert again is not None and again.dtype == torch.float64 and again.shape == (2, 3)
    assert answers.held <= 5 * 12


def test_the_next_batch_is_made_while_another_process_answers() -> None:
    """The same scores in the same order, with one batch waiting at most."""

    class Remote(ToyModel):
        remote = True

    found = {}
    for kind in (ToyModel, Remote):
        subject, design = experiment(kind())
        pieces = torch.split(design.draw(0), 7)
        found[kind] = torch.cat(list(_answers(subject, design, pieces)))
    torch.testing.assert_close(found[Remote], found[ToyModel], rtol=0, atol=0)
