"""What plugin packages test themselves with: small models and the checks every method must pass.

    import pytest
    from interp.testing import MethodCase, method_checks

    @pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
    def test_my_method(check):
        check(MethodCase("my-method"))

`check(Registry.load(), "my-method")` also compares its explanations with those known by hand.
"""

from interp.testing.conformance import MethodCase, method_checks
from interp.testing.method_check import Finding, check
from interp.testing.toy import ToyModel

__all__ = ["Finding", "MethodCase", "ToyModel", "check", "method_checks"]
