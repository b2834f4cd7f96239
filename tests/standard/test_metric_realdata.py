"""Photographs with boxes and a trained network that are not in the repository."""

from __future__ import annotations

import pytest
from photographs import IMAGENET, MOBILENET, NORMALISED, Photographs

from interp.context import Budget
from interp.evaluation.evaluate import evaluate
from interp.evaluation.request import EvaluationRequest
from interp.request import Choice
from interp.spec import ModelOptions

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not IMAGENET.exists(), reason="needs ../shared/data"),
]


def test_methods_are_measured_on_photographs() -> None:
    request = EvaluationRequest(
        methods=(Choice(name="gradcam"),),
        metrics=tuple(
            Choice(name=name)
            for name in ("deletion", "insertion", "pointing", "localization", "energy-mask")
        ),
        model=str(MOBILENET),
        options=ModelOptions(device="cpu", input=NORMALISED),
        limit=6,
        budget=Budget(samples=100),
    )
    found = evaluate(request, dataset=Photographs())
    assert {each.mean.count for cells in found.table.values() for each in cells.values()} == {6}
    assert "energy-mask" not in found.metrics  # there are boxes and no masks
    assert any("energy-mask left out on 6 of 6" in note for note in found.notes())
    for metric in ("deletion", "insertion", "pointing"):
        less = found.table[metric]["gradcam"].less["random"].value
        assert less < 0 if metric == "deletion" else less > 0
