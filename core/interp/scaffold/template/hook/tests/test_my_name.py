"""What every hook must pass, and the line that is logged."""

from __future__ import annotations

import logging

import pytest
from interp.testing import EntryCase, MethodCase, entry_checks


@pytest.mark.parametrize("check", entry_checks("hook"), ids=lambda check: check.__name__)
def test_it_keeps_the_rules_of_hooks(check):
    check(EntryCase("hook", "my_package:interp_after_run"))


def test_a_run_is_logged(caplog):
    with caplog.at_level(logging.INFO, "my_package"):
        MethodCase("rise").explain()
    assert "rise explained toy in " in caplog.text
