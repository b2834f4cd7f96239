"""Names that a browser can be sent."""

from __future__ import annotations

from interp_dashboard.text import readable


def test_letters_that_are_no_unicode_can_be_sent():
    assert readable("a\udcffb").encode() == b"a?b"
