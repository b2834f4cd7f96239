"""Folders that go on where they were stopped, also by a later version that knows more keys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from interp.errors import InputError
from interp.request import Request
from interp.storage import folder as storage
from interp.storage.folder import MANIFEST, new_folder, remove_leftovers, seal, unseal, whole_file
from interp.storage.resumable import ResumableFolder, same


@pytest.mark.parametrize(
    ("stored", "wanted", "expected"),
    [
        ({"options": {"device": "cpu"}}, {"options": {"device": "cpu", "readout": None}}, True),
        ({"options": {"device": "cpu"}}, {"options": {"device": "cpu", "readout": "value"}}, False),
        ({"options": {"device": "cpu"}}, {"options": {"device": None}}, False),
        ({"a": 1, "b": None}, {"a": 1}, False),
        ({"a": 1}, {"a": 1, "b": False}, True),
        ({"a": 1}, {"a": 1, "b": 0}, False),
        ({"a": [1, 2]}, {"a": [1, 3]}, False),
    ],
)
def test_a_key_that_an_older_version_lacks_counts_as_null(stored, wanted, expected):
    assert same(stored, wanted) is expected


def test_a_kill_between_the_first_two_files_is_gone_on_from(tmp_path):
    folder = ResumableFolder.of(tmp_path / "out", Request(method="rise"), {"images": "a"})
    folder.begin()
    (tmp_path / "out" / "begun.json").unlink()
    folder.begin()
    assert json.loads((tmp_path / "out" / "begun.json").read_text()) == {"images": "a"}
    (tmp_path / "out" / "begun.json").unlink()
    other = ResumableFolder.of(tmp_path / "out", Request(method="lime"), {"images": "a"})
    with pytest.raises(InputError, match=r"holds something else \(other method\)"):
        other.begin()


def test_a_folder_with_one_of_the_files_and_others_is_the_users(tmp_path):
    (tmp_path / "request.json").write_text("{}")
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something else"):
        ResumableFolder.of(tmp_path, Request(method="rise"), {"images": "a"}).begin()


KILLED = """
import os, sys
from pathlib import Path
from interp.storage.folder import new_folder, whole_file
with new_folder(Path("out")) as a, whole_file(Path("file.json")) as b:
    (a / "half").write_text("x")
    b.write_text("x")
    os.kill(os.getpid(), 9)
"""


def test_what_a_killed_process_left_is_removed_and_a_living_ones_stays(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, check=False)
    left = [each.name for each in tmp_path.iterdir()]
    assert len(left) == 2
    (tmp_path / ".own-hidden-file").write_text("mine")
    storage._remove_leftovers_once.cache_clear()
    with new_folder(tmp_path / "other") as draft:
        storage._remove_leftovers_once.cache_clear()
        with whole_file(tmp_path / "more.json") as file:
            assert draft.is_dir() and file.is_file()
    assert {each.name for each in tmp_path.iterdir()} == {"other", "more.json", ".own-hidden-file"}


def test_another_machines_drafts_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "_host", lambda: "aaaaaa")
    draft = tmp_path / f"{storage._prefix(Path('out'))}abcdefgh".replace(str(os.getpid()), "999999")
    draft.mkdir()
    monkeypatch.setattr(storage, "_host", lambda: "bbbbbb")
    remove_leftovers(tmp_path)
    assert draft.is_dir()
    monkeypatch.setattr(storage, "_host", lambda: "aaaaaa")
    remove_leftovers(tmp_path)
    assert not draft.exists()


def test_drafts_are_no_part_of_a_sealed_folder(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / ".00001-name-abc").mkdir()
    (tmp_path / ".00001-name-abc" / "b.txt").write_text("b")
    seal(tmp_path, {"kind": "explanation"})
    assert list(json.loads((tmp_path / MANIFEST).read_text())["files"]) == ["a.txt"]
    (tmp_path / ".00001-name-abc" / "b.txt").unlink()
    assert unseal(tmp_path, "explanation")


def test_the_second_of_two_processes_is_told(tmp_path):
    def late() -> None:
        with new_folder(tmp_path / "out"):
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "theirs").write_text("x")

    with pytest.raises(InputError, match="exists and is not empty"):
        late()
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["theirs"]


def test_a_long_name_has_a_draft(tmp_path):
    with whole_file(tmp_path / f"{'n' * 250}.txt") as draft:
        draft.write_text("x")
    assert (tmp_path / f"{'n' * 250}.txt").read_text() == "x"


def test_a_folder_that_another_process_makes_at_the_last_moment_stays(tmp_path, monkeypatch):
    out, replace = tmp_path / "out", Path.replace

    def late(draft: Path, target: Path) -> Path:
        target.mkdir()
        (target / "theirs").touch()
        return replace(draft, target)

    monkeypatch.setattr(Path, "replace", late)
    with pytest.raises(InputError, match="exists and is not empty"), new_folder(out) as draft:
        (draft / "ours").touch()
    assert [each.name for each in out.iterdir()] == ["theirs"]
    assert list(tmp_path.iterdir()) == [out]
