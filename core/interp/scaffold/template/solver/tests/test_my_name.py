"""What every solver must pass, and a method that is composed with it."""

from __future__ import annotations

import pytest
from interp.testing import EntryCase, MethodCase, entry_checks, method_checks


@pytest.mark.parametrize("check", entry_checks("solver"), ids=lambda check: check.__name__)
def test_it_keeps_the_rules_of_solvers(check):
    check(EntryCase("solver", "my-name"))


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
def test_a_method_of_it_keeps_the_rules_of_methods(check):
    check(MethodCase("my-name"))
