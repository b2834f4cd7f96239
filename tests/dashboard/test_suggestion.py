"""Advice on the page of comparisons: it is made for the choice, and its methods can be ticked."""

from __future__ import annotations

from functools import partial

import pytest

from interp.suggestion.suggest import suggest
from interp_dashboard.suggestion_view import JOB

ASK = "Which methods suit this model and image?"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each method is tried for an instant."""
    monkeypatch.setattr("interp_dashboard.work.suggest", partial(suggest, trial=0.2))


def test_ask_see_tick_and_choose_another_model(visit):
    visitor = visit("compare").press(ASK).finish(JOB)
    assert visitor.errors == []
    found = visitor.session.jobs[JOB].result
    assert len(found.chosen) == 3
    assert all(name in visitor.words for name in found.chosen)
    visitor.press("Tick these")
    ticked = {each.key for each in visitor.page.checkbox if each.value and "tick" in str(each.key)}
    others = {f"tick {each}" for each in ("chip",)}  # they answer another question
    assert ticked - others == {f"tick {each}" for each in found.chosen}
    model = next(each for each in visitor.page.selectbox if each.label == "Model")
    model.set_value("creatures-resnet").run()
    assert visitor.errors == []
    assert "Tick these" not in [each.label for each in visitor.page.button], "it is for the other"
