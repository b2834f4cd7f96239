"""docs/evaluate.md's tables of all methods are those of the evaluations that are registered."""

from __future__ import annotations

from evaluations_page import EVALUATE, tables
from reference import written


def test_the_page_is_up_to_date():
    text = EVALUATE.read_text("utf-8")
    assert written(text, tables()) == text, "run python docs/evaluations_page.py"
    assert tables().count("### ") >= 2
