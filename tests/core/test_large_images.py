"""Comparisons and folders of large images keep smaller copies of those that files hold."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from interp.comparison.compare import compare
from interp.comparison.result import Comparison, ComparisonRequest
from interp.difference.rerun import rerun
from interp.errors import InputError
from interp.request import Choice, Request
from interp.result.bundle import open_bundle
from interp.run_folder import run_folder
from interp.session import Session

SHAPE = (40, 2000, 3)
METHODS = (Choice(name="gradcam"), Choice(name="centre"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images of noise, wider than a screen."""
    random = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for name in ("one", "two"):
        pixels = random.integers(0, 256, SHAPE, np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{name}.png")
    return tmp_path


def asked(folder: Path, data: bool) -> ComparisonRequest:
    files = tuple(str(folder / "photos" / f"{name}.png") for name in ("one", "two"))
    source = {"data": str(folder / "photos")} if data else {"images": files}
    return ComparisonRequest(methods=METHODS, **source)


def pictures(place: Path) -> set[str]:
    return {each.name for each in place.rglob("image*.*") if each.suffix != ".txt"}


@pytest.mark.parametrize("data", [False, True])
def test_a_comparison_keeps_smaller_copies(data, folder) -> None:
    found = compare(asked(folder, data), Session(), out=folder / "out")
    assert pictures(folder / "out") == {"image.jpg", "image-0.jpg"}
    for case in Comparison.open(folder / "out").cases:
        assert case.image.shape == SHAPE
        assert [each.explanation.map().shape for each in case.cells] == [SHAPE[:2]] * 2
    assert rerun(folder / "out").same
    shutil.move(folder / "photos", folder / "moved")
    with pytest.raises(InputError, match=r"one\.png"):
        rerun(folder / "out")
    files = [str(folder / "moved" / f"{name}.png") for name in ("one", "two")]
    assert rerun(folder / "out", images=files).same
    assert len(found.records) == 2


def test_images_that_come_from_no_file_are_whole(folder) -> None:
    pixels = [np.asarray(Image.open(each)) for each in sorted((folder / "photos").iterdir())]
    found = compare(ComparisonRequest(methods=METHODS), images=pixels, out=folder / "out")
    assert pictures(folder / "out") == {"image.png", "image-0.png"}
    np.testing.assert_array_equal(found.cases[1].image, pixels[1])


def test_a_run_over_a_folder_keeps_smaller_copies(folder) -> None:
    request = Request(method="gradcam", data=str(folder / "photos"))
    found = run_folder(request, folder / "out", Session())
    assert pictures(folder / "out") == {"image-0.jpg"}
    place = folder / "out" / found.entries[0].folder
    assert open_bundle(place)[0].images == (str(folder / "photos" / "one.png"),)
    assert rerun(place).same
    assert rerun(folder / "out").same
