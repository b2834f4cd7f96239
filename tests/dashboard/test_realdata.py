"""An uploaded network and an uploaded photograph: a dog and a cat told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from interp.comparison.result import ComparisonRequest
from interp.request import Choice
from interp_dashboard.job import Job
from interp_dashboard.upload import take_image, take_model
from interp_dashboard.work import ComparisonWork

DATA = Path(__file__).parents[3] / "shared" / "data"
MODEL, PHOTO = DATA / "imagenet" / "mobilenet_v2.onnx", DATA / "photos" / "both.png"
BOXES = {"bull mastiff": (80, 10, 168, 146), "tiger cat": (30, 118, 206, 224)}  # x, y, x, y
METHODS = (Choice(name="mint", params={"samples": 1000}), Choice(name="chip"))

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not (MODEL.exists() and PHOTO.exists()), reason="needs ../shared/data"),
]


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """What the page of comparisons makes of the uploads."""
    home = tmp_path_factory.mktemp("visitor")
    normal = "mean=.5,.5,.5,std=.5,.5,.5"
    names = (DATA / "imagenet" / "classes.tsv").read_bytes()
    model = take_model(MODEL.name, MODEL.read_bytes(), home / "models", names, normal)
    photo = take_image(PHOTO.name, PHOTO.read_bytes()).pixels
    request = ComparisonRequest(
        methods=METHODS, model=str(model), images=(PHOTO.name,), targets=tuple(BOXES)
    )
    work = ComparisonWork(home, request, {PHOTO.name: photo}, quick=False)
    job = Job(work).start()
    assert job.wait(500)
    assert job.error is None
    return job.result.cases[0]


@pytest.mark.parametrize("animal", BOXES)
@pytest.mark.parametrize("at", range(2), ids=[each.name for each in METHODS])
def test_the_dog_and_the_cat_are_told_apart(case, at, animal):
    """A class's map has its peak on its animal, and little on the other."""
    assert case.cells[at].error is None
    values = case.cells[at].maps_by_target(case.targets)[animal].map()
    row, column = divmod(int(values.argmax()), values.shape[1])
    left, top, right, bottom = BOXES[animal]
    assert left <= column < right and top <= row < bottom
    own, other = (mean(values, BOXES[each]) for each in sorted(BOXES, key=lambda x: x != animal))
    assert own > 2 * max(0, other)


def mean(values, box):
    left, top, right, bottom = box
    return float(values[top:bottom, left:right].mean())
