"""Every registered method's bundle comes out the same again."""

from __future__ import annotations

import pytest

from interp.context import Budget
from interp.difference.difference import SAME
from interp.difference.rerun import rerun
from interp.opening.named import default_model
from interp.registry import Registry
from interp.request import Request
from interp.run import run

REGISTRY = Registry.load()
METHODS = [each.name for each in REGISTRY.entries("method")]


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_a_rerun_is_the_same(method, tmp_path) -> None:
    request = Request(
        method=method,
        model=default_model(REGISTRY, method),
        images=("two",),
        budget=Budget(samples=400),
        seed=1,
    )
    run(request, out=tmp_path / "first")
    again = rerun(tmp_path / "first")
    assert again.difference.pairs and again.difference.largest <= SAME, again.difference.verdict()
    assert again.difference.changes == {}
