"""The tour of a new visitor: step by step, skipped at any of them, and then not offered again."""

from __future__ import annotations

import pytest

from interp_dashboard.tour_view import OVER, STEPS

START, SKIP = "A tour of one minute", ("Skip", "Skip the rest")
WORDS_A_MINUTE = 200


def labels(visitor):
    return {each.label for each in visitor.page.button}


def test_it_goes_from_step_to_step_and_ends(visit):
    visitor = visit("compare").press(START)
    for at, step in enumerate(STEPS):
        assert step.title in visitor.words and f"({at + 1} of {OVER})" in visitor.words
        visitor.press("Next" if at + 1 < OVER else "End")
    assert not labels(visitor) & {START, *SKIP, "Next", "End"}


def test_it_takes_a_minute():
    words = " ".join(f"{each.title} {each.words}" for each in STEPS).split()
    assert len(words) <= WORDS_A_MINUTE


@pytest.mark.parametrize("steps", range(OVER))
def test_who_skips_it_is_not_asked_again(visit, steps):
    visitor = visit("compare")
    for each in [START, *["Next"] * (OVER - 2)][:steps]:
        visitor.press(each)
    visitor.press(*(labels(visitor) & set(SKIP)))
    again = visit("compare", session=visitor.session.name)  # as after a reload
    for each in (visitor, again):
        assert not labels(each) & {START, *SKIP}
