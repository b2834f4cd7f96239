"""MINT on a photograph with a real network: two animals, two regions."""

from pathlib import Path

import numpy as np
import pytest

from interp.context import Budget
from interp.registry import Registry
from interp.request import Request
from interp.run import run

DATA = Path(__file__).parents[3] / "shared" / "data"
PHOTO, MODEL = DATA / "photos" / "both.png", DATA / "imagenet" / "mobilenet_v2.pt2"
BOXES = {"bull mastiff": (80, 10, 168, 146), "tiger cat": (30, 118, 206, 224)}  # x, y, x, y

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not (PHOTO.exists() and MODEL.exists()), reason="no photographs here"),
]


def share(mask: np.ndarray, box: tuple[int, int, int, int]) -> float:
    """The share of a mask that lies in a box."""
    left, top, right, bottom = box
    return float(mask[top:bottom, left:right].sum() / mask.sum())


def test_the_dog_and_the_cat_get_their_own_regions() -> None:
    request = Request(
        method="mint",
        model=str(MODEL),
        images=(str(PHOTO),),
        targets=tuple(BOXES),
        budget=Budget(samples=1000),
    )
    found = run(request, registry=Registry.load()).explanation
    names = found.provenance.targets if found.provenance else ()
    for name, box, other in zip(names, BOXES.values(), reversed(BOXES.values()), strict=True):
        mask = found.named("coarse", name).mask()
        assert mask.any(), f"no region for {name}"
        assert share(mask, box) > 0.5
        assert share(mask, box) > share(mask, other) + 0.2
        fine = found.named("fine", name)
        best = fine.labels == fine.importance.argmax()
        assert share(best, box) > 0.5
        assert found.scores[name]["constraint"] < 1e-4
