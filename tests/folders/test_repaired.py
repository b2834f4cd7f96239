"""Images that could not be read when a folder was made, and are put right afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from interp.cli.app import app
from interp.comparison.compare import compare
from interp.comparison.result import ComparisonRequest
from interp.context import Budget
from interp.errors import InputError
from interp.request import Choice, Request
from interp.run_folder import job as jobs
from interp.run_folder import run_folder
from interp.session import Session

WAYS = ("folders", "parts", "compare")
ALL = [f"{at:02d}" for at in range(11)]
WHOLE = [each for each in ALL if each != "05"]


@pytest.fixture
def images(photos, tmp_path) -> Path:
    """A copy of the photos, of which 05.png cannot be read."""
    return Path(shutil.copytree(photos, tmp_path / "images"))


@pytest.fixture
def go(registry, model, images, tmp_path, monkeypatch) -> Callable[..., list[str]]:
    """Explain the images into a folder, in one of the WAYS; the names of those with a result."""
    monkeypatch.setattr(jobs, "PART_BATCHES", 2)

    def call(way: str, shard: tuple[int, int] | None = None) -> list[str]:
        session, out, data = Session(registry, model=model), tmp_path / "out", str(images)
        if way == "compare":
            asked = ComparisonRequest(methods=(Choice(name="random"),), data=data)
            return [each.name for each in compare(asked, session, out=out).records]
        budget = Budget(batch_size=2, shard=shard)
        request = Request(method="gradcam", data=data, budget=budget)
        layout: Any = way
        return [each.name for each in run_folder(request, out, session, layout=layout).entries]

    return call


def write(file: Path, value: int = 9) -> None:
    Image.fromarray(np.full((60, 80, 3), value, np.uint8)).save(file)


def times(folder: Path) -> dict[Path, int]:
    return {each: each.stat().st_mtime_ns for each in folder.rglob("*.safetensors")}


@pytest.mark.parametrize("way", WAYS)
def test_the_same_command_does_the_rest(go, images, tmp_path, way) -> None:
    assert go(way) == WHOLE
    before = times(tmp_path / "out")
    write(images / "05.png")
    assert go(way) == ALL
    again = times(tmp_path / "out")
    changed = {each for each in before if again[each] != before[each]}
    assert all("000000004-000000008" in str(each) for each in changed), "no other result is made"
    assert go(way) == ALL
    assert times(tmp_path / "out") == again


@pytest.mark.parametrize("way", WAYS)
def test_a_file_of_the_same_size_is_tried_again_too(go, images, way) -> None:
    write(images / "05.png")
    whole = (images / "05.png").read_bytes()
    (images / "05.png").write_bytes(bytes(len(whole)))
    assert go(way) == WHOLE
    (images / "05.png").write_bytes(whole)
    assert go(way) == ALL


@pytest.mark.parametrize("way", WAYS)
def test_an_image_with_a_result_must_not_change(go, images, way) -> None:
    go(way)
    write(images / "05.png")
    write(images / "03.png")
    with pytest.raises(InputError, match=r"holds something else \(other images: 3 and 5\)"):
        go(way)


@pytest.mark.parametrize("way", WAYS)
def test_nor_may_there_be_more_images_or_other_names(go, images, way) -> None:
    go(way)
    (images / "05.png").rename(images / "5.png")
    with pytest.raises(InputError, match=r"\(other images"):
        go(way)
    (images / "5.png").rename(images / "05.png")
    write(images / "11.png")
    with pytest.raises(InputError, match=r"\(other images\)"):
        go(way)


def test_a_shard_leaves_the_parts_of_others_alone(go, images, tmp_path) -> None:
    for shard in ((0, 2), (1, 2)):
        found = go("parts", shard)
    assert found == WHOLE
    write(images / "05.png")
    before = times(tmp_path / "out")
    assert go("parts", (0, 2)) == WHOLE
    assert times(tmp_path / "out") == before
    assert go("parts", (1, 2)) == ALL


def test_the_command_line_says_that_it_goes_on(images, tmp_path) -> None:
    def said() -> str:
        words = ["run", "--plugin", "centre", "--data", str(images), "--no-pictures"]
        return CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out")]).stdout

    told = "once a file that cannot be read is put right, the same command explains it"
    assert told in said().splitlines()
    write(images / "05.png")
    assert "11 of 11 images are explained" in (again := said()) and told not in again
