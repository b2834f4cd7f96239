"""FastestDet on photographs: opened, and the objects that are in them found."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from interp.errors import ModelError
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp.spec import ModelOptions
from interp.storage.image import read_image

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "detection"
FOUND = (
    {"person": 4, "baseball bat": 1},
    {"bus": 1},
    {"person": 3},
    {"person": 4},
    {"bench": 1, "dog": 1},
)
"""What the file's README says of each photograph, and how many, counted in the photographs."""

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not FOLDER.exists(), reason="needs ../shared/data"),
]


def opened(readout: str | None = "boxes") -> ModelAdapter:
    options = ModelOptions(
        readout=readout,
        readout_params={"threshold": 0.6, "iou": 0.45} if readout else {},
        classes=str(FOLDER / "coco.names"),
        input={"mean": (0.0,) * 3, "std": (1.0,) * 3, "order": "BGR"},
        device="cpu",
    )
    return open_model(str(FOLDER / "fastestdet.onnx"), options, Registry.load())


@pytest.mark.parametrize("number", range(5))
def test_the_objects_in_a_photograph_are_found(number: int) -> None:
    image = read_image(FOLDER / f"photo-{number}.jpg").pixels
    focused = opened().focus(image)
    assert Counter(each.rsplit(" ", 3)[0] for each in focused.spec.classes) == FOUND[number]
    height, width = image.shape[:2]
    assert focused.output is not None
    for region in focused.output.regions:
        assert region is not None
        left, top, right, bottom = region.box
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height


def test_the_dogs_map_lies_on_the_dog() -> None:
    """In photo-4 the dog lies at the left half of the bench, by eye at 125,150..425,420."""
    image = read_image(FOLDER / "photo-4.jpg").pixels
    request = Request(method="occlusion", targets=("dog",))
    found = run(request, registry=Registry.load(), model=opened(), images=[image]).explanation
    (target,) = found.provenance.targets
    values = found.map(target).clip(0)
    inside = values[150:420, 125:425]
    assert inside.mean() > 2 * values.mean()


def test_without_a_readout_it_is_told_of_boxes() -> None:
    with pytest.raises(ModelError, match=r"--readout boxes"):
        opened(None)
