"""What every command must pass, and what it prints."""

from __future__ import annotations

import pytest
from interp.testing import EntryCase, entry_checks

from my_package import my_name


@pytest.mark.parametrize("check", entry_checks("command"), ids=lambda check: check.__name__)
def test_it_keeps_the_rules_of_commands(check):
    check(EntryCase("command", "my-name"))


def test_it_prints_a_place_in_the_image(capsys):
    my_name()
    assert capsys.readouterr().out.startswith("sample: x ")
