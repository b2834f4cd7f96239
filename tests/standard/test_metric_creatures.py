"""Where the truth is known, methods find it and maps that see nothing do not."""

from __future__ import annotations

import pytest

from interp.context import Budget
from interp.evaluation.evaluate import evaluate
from interp.evaluation.request import EvaluationRequest
from interp.request import Choice

METHODS = ("occlusion", "rise", "lime", "mint", "chip")


@pytest.mark.slow
def test_methods_rank_above_what_sees_no_model_on_creatures() -> None:
    request = EvaluationRequest(
        methods=tuple(Choice(name=name) for name in METHODS),
        metrics=tuple(Choice(name=name) for name in ("energy-parts", "road")),
        limit=30,
        budget=Budget(samples=400),
    )
    found = evaluate(request)
    assert found.notes() == []
    for metric in found.metrics:
        for method in METHODS:
            less = found.table[metric][method].less
            for name in ("random", "centre"):
                assert (less[name].low or 0) > 0, (metric, method, name)
