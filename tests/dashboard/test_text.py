"""Any text is shown letter by letter."""

from __future__ import annotations

import re

import pytest

from interp_dashboard.text import plain, readable


@pytest.mark.parametrize(
    "text",
    [
        "![a](http://x/y.png)",
        "[a](http://x)",
        ":red[a] :smile: :material/home:",
        "$x$ `a` *b* _c_ ~d~ <img src=x> a|b # e",
    ],
)
def test_nothing_is_left_that_markdown_reads(text):
    shown = plain(text)
    assert shown.replace("\\", "") == text
    assert not re.search(r"(?<!\\)(?:[*_\[<$`!]|:(?=\S))", shown)


def test_what_markdown_does_not_read_stays():
    assert plain("rise: 1,200 of 4,800 (R² 0.5)") == "rise: 1,200 of 4,800 (R² 0.5)"


def test_letters_that_are_no_unicode_can_be_sent():
    assert readable("a\udcffb").encode() == b"a?b"
