"""A broken method, sample or metric that is installed never breaks a page."""

from __future__ import annotations

import pytest
from tests.broken.packages import BY_HOOK, PACKAGES

ODD = """
    from interp.method import Method

    class Broken(Method):
        class Params(Method.Params):
            @classmethod
            def model_json_schema(cls, *a, **k): raise SystemExit(4)
"""
LISTED = {
    "wrong type": (PACKAGES["wrong type"], "is of class int; expected a subclass of"),
    "import error": (PACKAGES["import error"], "could not be imported: ModuleNotFoundError"),
    "missing hook": (PACKAGES["missing hook"], "has no function of that name"),
    "form": (PACKAGES["sys.exit"]._replace(code=ODD), ":Broken.Params failed: SystemExit: 4"),
}


@pytest.mark.parametrize("fault", LISTED)
def test_ticking_it_says_what_is_wrong(fault, package, started, visit):
    broken, words = LISTED[fault]
    package(broken.code, broken.registry, installed=True)
    started()
    visitor = visit("compare", method=["broken", "centre"])
    assert any(words in each for each in visitor.errors)
    assert not list(visitor.page.exception)
    assert "Run" in [each.label for each in visitor.page.button]


def test_a_sample_and_a_metric_that_fail(package, started, visit):
    torn = BY_HOOK + (
        "      - {kind: sample, name: torn, summary: s, package: NAME}\n"
        "      - {kind: metric, name: torn, summary: s, package: NAME}\n"
    )
    package("1 / 0", torn, installed=True)
    started()
    for page in ("compare", "evaluate"):
        assert not list(visit(page).page.exception)
