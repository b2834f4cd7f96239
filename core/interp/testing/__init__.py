"""What plugin packages test themselves with: small models and the checks every method must pass.

    import pytest
    from interp.testing import MethodCase, method_checks

    @pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
    def test_my_method(check):
        check(MethodCase("my-method"))

`check(Registry.load(), "my-method")` also compares its explanations with those known by hand. Other
kinds have checks of their own:

    @pytest.mark.parametrize("check", entry_checks("metric"), ids=lambda check: check.__name__)
    def test_my_metric(check):
        check(EntryCase("metric", "my-metric"))
"""

from interp.testing.conformance import MethodCase, method_checks
from interp.testing.entry_case import EntryCase
from interp.testing.entry_check import check_entry, check_package, entry_checks
from interp.testing.method_check import Finding, check
from interp.testing.toy import ToyModel

__all__ = [
    "EntryCase",
    "Finding",
    "MethodCase",
    "ToyModel",
    "check",
    "check_entry",
    "check_package",
    "entry_checks",
    "method_checks",
]
