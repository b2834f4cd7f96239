"""What plugin packages test themselves with: small models and the checks every method must pass.

    import pytest
    from interp.testing import MethodCase, method_checks

    @pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
    def test_my_method(check):
        check(MethodCase("my-method"))

`check(Registry.load(), "my-method")` also compares its explanations with those known by hand. An
adapter is tested likewise, with a model that it opens: `adapter_checks()` and `AdapterCase(model)`.
"""

from interp.testing.adapter_check import AdapterCase, adapter_checks
from interp.testing.conformance import MethodCase, method_checks
from interp.testing.method_check import Finding, check
from interp.testing.toy import ToyModel

__all__ = [
    "AdapterCase",
    "Finding",
    "MethodCase",
    "ToyModel",
    "adapter_checks",
    "check",
    "method_checks",
]
