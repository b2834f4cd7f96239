"""What belongs to a visitor outlives a reload of the page, and nobody else gets it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from interp_dashboard import app as application
from interp_dashboard import session as sessions
from interp_dashboard.job import Job
from interp_dashboard.session import EMPTY_KEPT, KEPT, KEY, NAME, SESSIONS, VisitorSession

APP = str(Path(sessions.__file__).with_name("app.py"))


@pytest.fixture
def browser(monkeypatch):
    """Open pages as this browser, until another name is set."""
    held = ["mine"]
    monkeypatch.setattr(sessions, "_browser", lambda: held[0])
    return held


def test_a_reload_keeps_results_and_choice(visit, browser):
    visitor = visit("compare", image="sample").tick("centre").press("Run").finish("compare")
    again = visit("compare", **visitor.page.query_params)
    assert again.errors == []
    assert again.session is visitor.session
    assert "Why" in again.words
    ticked = {each.key for each in again.page.checkbox if each.value and "tick" in str(each.key)}
    assert ticked == {"tick centre"}
    again.press("Run").finish("compare")
    assert again.errors == []


def test_another_browser_gets_the_choice_alone(visit, browser):
    visitor = visit("compare", image="sample").tick("centre").press("Run").finish("compare")
    browser[0] = "theirs"
    other = visit("compare", **visitor.page.query_params)
    assert other.session is not visitor.session
    assert "compare" not in other.session.jobs
    assert other.page.multiselect[0].value == ["sample"]
    assert other.page.query_params[NAME] != visitor.page.query_params[NAME]


def test_what_was_chosen_by_another_address_is_taken(visit, browser):
    visitor = visit("compare").tick("centre").press("Run").finish("compare")
    name = visitor.session.name
    again = visit("compare", session=name, image="sample", method="random")
    assert again.session is visitor.session
    assert again.page.multiselect[0].value == ["sample"]


def test_an_address_runs_by_itself_once(visit, browser):
    visitor = visit("compare", image="sample", method="centre", run="yes").finish("compare")
    job = visitor.session.jobs["compare"]
    assert job.result.records[0].name == "sample"
    visitor.page.run()
    assert visitor.session.jobs["compare"] is job
    assert "run" not in visitor.page.query_params


def test_an_earlier_session_is_offered(visit, browser, monkeypatch):
    earlier = VisitorSession(browser="mine", seen=time.monotonic() - 600)
    earlier.images["cat.png"] = None
    SESSIONS[earlier.name] = earlier
    monkeypatch.setattr(VisitorSession, "watched", lambda each: each is not earlier)
    monkeypatch.setattr(sessions, "end_old_sessions", lambda: None)
    page = AppTest.from_file(APP, default_timeout=120).run()
    assert "You left 1 image here 10 minutes ago." in [each.value for each in page.markdown]
    next(each for each in page.button if each.label == "Continue").click().run()
    assert page.session_state[KEY] is earlier
    assert not [each for each in page.button if each.label == "Continue"]
    assert application.PAGES


def test_a_page_that_is_noticed_late_to_be_closed_is_offered_too_and_once(browser, monkeypatch):
    earlier, closed = VisitorSession(browser="mine"), []
    earlier.images["cat.png"] = None
    SESSIONS[earlier.name] = earlier
    monkeypatch.setattr(VisitorSession, "watched", lambda each: each is not earlier or not closed)
    monkeypatch.setattr(sessions, "end_old_sessions", lambda: None)
    page = AppTest.from_file(APP, default_timeout=120).run()
    try:
        assert "Start anew" not in [each.label for each in page.button]
        closed.append(earlier)
        page.run()
        next(each for each in page.button if each.label == "Start anew").click().run()
        page.run()
        assert "Start anew" not in [each.label for each in page.button]
    finally:
        SESSIONS.clear()


def test_a_browser_is_known_by_its_token_whatever_the_mask():
    one = "2|cd940cc8|608de59096cf550151cf1ba8e1ed4760|1796028875"
    two = "2|65db85ed|c8c26cb53e80dc24f980928d49a2ce45|1796028875"
    assert sessions.token(one) == sessions.token(two) is not None
    assert sessions.token("2|65db85ed|00c26cb53e80dc24f980928d49a2ce45|1") != sessions.token(one)
    assert [sessions.token(each) for each in ("", "x", "2|||", "2|zz|00|1")] == [None] * 4


def test_what_nobody_came_back_to_is_removed(monkeypatch):
    monkeypatch.setattr(VisitorSession, "watched", lambda _: False)
    late, soon, empty = (VisitorSession() for _ in range(3))
    late.images["a"] = soon.images["a"] = None
    late.seen -= KEPT + 1
    empty.seen -= EMPTY_KEPT + 1
    SESSIONS.clear()
    SESSIONS.update({each.name: each for each in (late, soon, empty)})
    sessions.end_old_sessions()
    assert list(SESSIONS) == [soon.name]
    assert not late.folder.exists()
    assert soon.folder.exists()
    SESSIONS.clear()


def test_pictures_drawn_for_all_visitors_are_nothing_that_one_left():
    mine = VisitorSession()
    for name, content in (("thumbnails", ""), ("compare", "1 result")):
        mine.jobs[name] = Job(lambda _: None, result=1)
        assert mine.content() == content
