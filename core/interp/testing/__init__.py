"""What plugin packages test themselves with: a small model and the checks every method must pass.

import pytest
from interp.testing import MethodCase, method_checks

@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
def test_my_method(check):
    check(MethodCase("my-method"))
"""

from interp.testing.conformance import MethodCase, method_checks
from interp.testing.toy import ToyModel

__all__ = ["MethodCase", "ToyModel", "method_checks"]
