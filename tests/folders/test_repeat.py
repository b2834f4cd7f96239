"""Whole folders of results, of many images or several models: opened, repeated, compared."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import interp
from interp.cli.app import app
from interp.comparison.models import PART, ModelComparison
from interp.difference.difference import FolderDifference, difference
from interp.difference.rerun import rerun
from interp.errors import InputError
from interp.request import Request
from interp.run_folder import FolderRun, run_folder
from interp.session import Session

LAYOUTS = ("folders", "parts")
WORK = (difference, lambda folder, _: rerun(folder), lambda folder, _: interp.load(folder))


@pytest.fixture
def go(registry, model, photos, tmp_path):
    """Draw maps at random, which hang on the seed alone, on the ten images that can be read."""

    def call(out: str, layout: Any = "folders", seed: int = 0, **options: Any) -> FolderRun:
        request = Request(method="random", data=str(photos), seed=seed)
        session = Session(registry, model=model)
        return run_folder(request, tmp_path / out, session, layout=layout, **options)

    return call


@pytest.fixture
def models(tmp_path):
    """A model beside itself, in a folder."""

    def call(out: str, **options: Any) -> ModelComparison:
        given = {"methods": ["random", "centre"], "out": tmp_path / out, **options}
        return interp.compare_models(["creatures-vgg", "creatures-vgg"], "two", **given)

    return call


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_whole_folder_is_repeated(go, layout, registry, model, tmp_path) -> None:
    first = go("first", layout, limit=4)
    again = rerun(first.folder, Session(registry, model=model), out=tmp_path / "again")
    assert again.same and isinstance(again.difference, FolderDifference)
    assert list(again.difference.images) == [each.folder for each in first.entries]
    assert again.difference.changes == {}
    kept = interp.load(tmp_path / "again")
    assert type(kept.entries) is type(first.entries) and kept.total == first.total
    assert not (tmp_path / "again/index.html").exists()
    np.testing.assert_array_equal(kept.explanation(2).map(), first.explanation(2).map())


def test_folders_that_differ_say_in_which_image_and_setting(go) -> None:
    first, second = go("first"), go("second", "parts", seed=1)
    found = difference(first.folder, second.folder)
    assert not found.same and found.changes["seed"] == (0, 1)
    assert found.verdict().startswith("not the same: 10 of 10 images differ, most 000")
    fewer = difference(first.folder, go("fewer", limit=3).folder)
    assert [name for name, each in fewer.images.items() if each.largest == 0] == [
        each.folder for each in first.entries[:3]
    ]
    assert fewer.images[first.entries[3].folder].most == "only the first has it"
    json.dumps(fewer.facts(), allow_nan=False)


def test_images_that_changed_or_moved_since(go, photos, registry, model, tmp_path) -> None:
    first, moved = go("first", limit=2), tmp_path / "moved"
    shutil.copytree(photos, moved)
    session = Session(registry, model=model)
    assert rerun(first.folder, session, data=str(moved)).same
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(moved / "00.png")
    found = rerun(first.folder, session, data=str(moved)).difference
    differing = [name for name, each in found.images.items() if each.largest > 0]
    assert differing == [first.entries[0].folder] and "images" in found.changes


def test_several_models_are_opened_repeated_and_compared(models, tmp_path) -> None:
    first = models("first")
    opened = interp.load(tmp_path / "first")
    assert isinstance(opened, ModelComparison)
    assert opened.models == first.models and opened.sentences() == first.sentences()
    again = interp.rerun(tmp_path / "first", out=tmp_path / "again")
    assert again.same and len(again.difference.pairs) == 4
    assert (tmp_path / "again/report.html").is_file()
    models("other", seed=1)
    found = difference(tmp_path / "first", tmp_path / "other")
    assert found.changes[f"{PART.format(2)}.seed"] == (0, 1)
    assert found.most.startswith("model-1, two, random, ")
    with pytest.raises(InputError, match=r"several models.*first/model-1"):
        interp.rerun(tmp_path / "first", model="creatures-vgg")


@pytest.mark.parametrize("work", WORK)
def test_another_folder_is_told_which_results_it_holds(go, work, tmp_path) -> None:
    folder = go("first", limit=2).folder
    (folder / "index.json").unlink()  # as of a run that was stopped
    with pytest.raises(InputError, match=r"name one of the results in it: 00000-00 and 00001-01$"):
        work(folder, folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"expected a folder [^;]*wrote$"):
        work(tmp_path / "empty", folder)


def test_what_a_result_does_not_need_is_refused(go, registry, model) -> None:
    folder, session = go("first", limit=1).folder, Session(registry, model=model)
    for place, given in ((folder, {"images": ["a.png"]}), (folder / "00000-00", {"data": "a"})):
        with pytest.raises(InputError, match="needs none, leave them out"):
            rerun(place, session, **given)


def test_the_command_line_takes_whole_folders(go, photos, tmp_path, monkeypatch) -> None:
    def command(*words: object) -> tuple[int, str]:
        done = CliRunner().invoke(app, list(map(str, words)))
        return done.exit_code, done.stdout + str(done.exception or "")

    monkeypatch.chdir(tmp_path)
    options = ("--data", photos, "--limit", 2, "--model", "creatures-vgg", "--out")
    for seed, out in enumerate(("a", "b")):
        command("run", "--plugin", "random", "--seed", seed, *options, out)
    assert Path("a/index.html").is_file()
    code, said = command("rerun", "a", "--out", "again")
    assert code == 0 and said.startswith("the same: largest difference 0 (relative) over 2 images")
    assert Path("again/index.html").is_file()
    lines = command("diff", "a", "b")[1].splitlines()
    assert lines[0].startswith("not the same: 2 of 2 images differ, most 0000")
    assert lines[1:3] == ["  seed: 0 -> 1", "  result    relative  most in"]
    assert "such as 00000-00" in command("diff", "a", "b", "--out", "apart.png")[1]
