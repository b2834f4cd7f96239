"""The progress of a whole run: it never falls, is never full before the end, and tells the time."""

from __future__ import annotations

import pytest

from interp_dashboard import pace as paces
from interp_dashboard.job import Job
from interp_dashboard.pace import MOST, Pace
from interp_dashboard.progress import step_text, whole_text


@pytest.fixture
def clock(monkeypatch):
    """The time, which a test sets."""
    now = [100.0]
    monkeypatch.setattr(paces.time, "monotonic", lambda: now[0])
    return now


def test_a_planned_run_goes_by_its_parts(clock):
    pace = Pace()
    pace.plan([1, 3])
    pace.update("first look: images", 9, 10)
    assert pace.share == 0
    clock[0] += 2
    pace.update("gradcam: explaining", 1, 1)
    assert pace.share == 0.25
    assert pace.left == pytest.approx(6)
    pace.next_part()
    pace.update("rise: perturbed samples", 1, 3)
    pace.update("rise: another step", 0, 5)
    assert pace.share == 0.5
    pace.next_part()
    pace.update("pages of the report", 0, 1)
    assert pace.share == MOST


def test_a_second_plan_keeps_what_was_done(clock):
    pace = Pace()
    pace.plan([1, 1])
    pace.next_part()
    pace.update("rise", 0, 10)
    pace.plan([30, 30], seconds=True)
    pace.update("rise", 0, 10)
    assert pace.share == 0.5
    assert pace.left == pytest.approx(60)
    clock[0] += 20
    pace.update("rise", 10, 10)
    assert pace.share == 0.75
    assert pace.left == pytest.approx(25)  # half as planned, 30 s, and half as it went, 20 s


def test_a_run_that_counts_itself(clock):
    pace = Pace()
    pace.update("images", 1, 4)
    pace.update("rise: perturbed samples", 5, 10)
    assert pace.share == pytest.approx(1.5 / 4)
    pace.update("rise: perturbed samples", 1, 10)
    assert pace.share == pytest.approx(1.5 / 4)


def test_a_run_of_one_step_and_one_of_unknown_steps(clock):
    pace = Pace()
    pace.update("reading", 3, 4)
    assert pace.share == 0.75
    pace.update("waiting for your turn", 0, None)
    assert pace.share == 0.75
    pace.update("training", 1, 10)
    assert pace.share is None and pace.left is None


def test_an_estimate_does_not_grow_without_a_reason(clock):
    pace = Pace()
    pace.plan([100])
    clock[0] += 10
    pace.update("rise", 10, 100)
    assert pace.left == pytest.approx(90)
    clock[0] += 2
    pace.update("rise", 11, 100)  # 97 s at this rate
    assert pace.left == pytest.approx(88)
    clock[0] += 30
    pace.update("rise", 20, 100)  # 168 s at this rate: it has become much slower
    assert pace.left == pytest.approx(168)


def test_the_words(clock):
    job = Job(lambda job: None)
    job.pace.plan([7200], seconds=True)
    job.pace.update("rise: perturbed samples", 1200, 4800)
    assert whole_text(job.pace).startswith("25 %, about 2 hours left")
    assert step_text(job) == "rise: perturbed samples, 1,200 of 4,800"
    job.pace.plan([36_000], seconds=True)
    job.pace.end = None
    job.pace.update("rise", 0, 10)
    assert whole_text(job.pace) == "25 %, about 10 hours left"
