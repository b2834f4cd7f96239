"""Work of more than a day is ended with its estimate, unless the user wants it or limits it."""

from __future__ import annotations

import itertools

import pytest

from interp.context import Budget, WithinADay, duration, no_progress
from interp.errors import TooLongError
from interp.session import Session


@pytest.fixture
def seconds(monkeypatch):
    """A clock on which a second passes at each look."""
    clock = itertools.count()
    monkeypatch.setattr("interp.context.time.monotonic", lambda: float(next(clock)))


def test_the_estimate_is_that_of_the_speed_so_far(seconds):
    limited = WithinADay(no_progress)
    for done in range(3):
        limited("samples", done, 1_000_000)
    with pytest.raises(TooLongError, match=r"samples: 1,000,000 would take about 12 days here"):
        limited("samples", 3, 1_000_000)


def test_work_within_a_day_goes_on(seconds):
    limited = WithinADay(no_progress)
    for done in range(100):
        limited("samples", done, 40_000)
        limited("without an end", done, None)


def test_each_label_and_each_new_round_are_measured_anew(seconds):
    limited = WithinADay(no_progress)
    for total in (10, 10, 10_000_000):
        for done in range(2):
            limited("samples", done, total)
            limited("other", done, total)


@pytest.mark.parametrize(
    ("session", "budget", "limited"),
    [
        (Session(within_a_day=True), Budget(), True),
        (Session(within_a_day=True), Budget(seconds=9e9), False),
        (Session(), Budget(), False),
    ],
)
def test_who_is_limited(session, budget, limited):
    assert isinstance(session.context(0, budget).progress, WithinADay) is limited


@pytest.mark.parametrize(
    ("value", "words"), [(1, "1 second"), (7200, "2 hours"), (3e5, "3 days"), (9e8, "10,417 days")]
)
def test_a_duration_in_the_largest_unit(value, words):
    assert duration(value) == words
