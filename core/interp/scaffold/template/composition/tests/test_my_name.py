"""What every method must pass."""

from __future__ import annotations

import pytest
from interp.testing import MethodCase, method_checks


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
def test_it_keeps_the_rules_of_methods(check):
    check(MethodCase("my-name"))
