"""The progress of a run: Cancel always counts, and no look at a run outlives its drawing."""

from __future__ import annotations

import threading
import time

import pytest
from streamlit.runtime.fragment import MemoryFragmentStorage

from interp.errors import Cancelled


def endless(job):
    """Works until it is cancelled."""
    while not job.cancelled():
        time.sleep(0.01)
    raise Cancelled("stopped")


@pytest.fixture
def looks(monkeypatch):
    """The names under which looks at a run were registered."""
    names, register = [], MemoryFragmentStorage.register

    def noted(storage, key, *rest, **options):
        names.append(key)
        register(storage, key, *rest, **options)

    monkeypatch.setattr(MemoryFragmentStorage, "register", noted)
    return names


def test_a_look_belongs_to_one_drawing_and_none_to_the_end(visit, looks):
    visitor = visit("compare", method="centre")
    visitor.session.start("compare", endless)
    visitor.page.run()
    visitor.page.run()
    assert len(looks) == len(set(looks)) == 2
    visitor.session.stop()
    visitor.finish("compare")
    assert "Stopped" in visitor.words
    assert len(looks) == 2


def test_a_press_on_the_last_runs_cancel_counts_for_the_run_that_took_its_place(visit):
    visitor = visit("compare", method="centre")
    visitor.session.start("compare", endless)
    visitor.page.run()
    job = visitor.session.start("compare", endless)
    visitor.press("Cancel")
    assert job.stopped


def test_two_runs_are_shown_while_the_first_is_ending(visit):
    go_on = threading.Event()
    visitor = visit("compare", method="centre")
    visitor.session.start("suggest", lambda job: go_on.wait(60) and job.show(None))
    visitor.session.start("compare", endless)
    visitor.page.run()
    go_on.set()
    assert not visitor.errors
    assert [each.label for each in visitor.page.button].count("Cancel") == 2
