"""What every panel must pass, and the page as a visitor sees it at first."""

from __future__ import annotations

import pytest
from interp.testing import EntryCase, entry_checks
from streamlit.testing.v1 import AppTest


@pytest.mark.parametrize("check", entry_checks("panel"), ids=lambda check: check.__name__)
def test_it_keeps_the_rules_of_panels(check):
    check(EntryCase("panel", "my-name"))


def page() -> None:
    from my_package import show

    show(None)


def test_it_says_what_to_do_first():
    opened = AppTest.from_function(page).run()
    assert not opened.exception
    assert "Compare some methods first" in opened.info[0].value
