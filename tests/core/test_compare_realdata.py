"""A comparison on a trained network and a photograph that are not in the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from interp.comparison.compare import compare
from interp.comparison.result import ComparisonRequest
from interp.context import Budget
from interp.registry import Registry
from interp.report.page import write_reports
from interp.request import Choice
from interp.spec import ModelOptions

DATA = Path(__file__).parents[3] / "shared" / "data"
MODELS = [DATA / "imagenet" / f"mobilenet_v2.{suffix}" for suffix in ("onnx", "pt2")]
PHOTO = DATA / "photos" / "both.png"
HALF = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
DOG, CAT = "bull mastiff", "tiger cat"

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not PHOTO.exists(), reason="needs ../shared/data"),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda each: each.suffix)
def test_a_dog_and_a_cat(model, tmp_path) -> None:
    request = ComparisonRequest(
        methods=tuple(Choice(name=each) for each in ("gradcam", "captum-occlusion", "rise")),
        model=str(model),
        options=ModelOptions(input=HALF, device="cpu"),
        images=(str(PHOTO),),
        targets=(DOG, CAT, f"{DOG}, not {CAT}"),
        budget=Budget(samples=500),
    )
    found = compare(request, out=tmp_path / "c")
    write_reports(Registry.load(), found)
    (case,) = found.cases
    assert DOG in case.prediction.classes or CAT in case.prediction.classes
    assert (tmp_path / "c/report.html").stat().st_size > 100_000
    for cell in case.cells:
        assert cell.error is None, cell.error
        contrast = cell.explanation.map(case.targets[2])
        height = contrast.shape[0] // 2
        # The dog is in the upper half of the photograph, the cat in the lower one.
        assert contrast[:height].mean() > contrast[height:].mean(), cell.method
