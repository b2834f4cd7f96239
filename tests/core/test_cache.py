"""Facts are kept between processes in a folder that may be absent, damaged or full."""

from __future__ import annotations

import os

import pytest

from interp.spec import Layer
from interp.storage import cache
from interp.storage.cache import cache_folder, kept, state_of

LAYERS = [Layer(name="ä", kind="Conv2d", layout="NCHW", channels=3, grid=(2, 4), cut="graph")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "kept"))
    return tmp_path / "kept"


def never():
    raise AssertionError("it was kept")


def test_a_fact_is_found_out_once_for_what_it_hangs_on(folder):
    assert kept(list[Layer], lambda: LAYERS, "weights", 1) == LAYERS
    assert kept(list[Layer], never, "weights", 1) == LAYERS
    assert kept(list[Layer], list, "weights", 2) == []
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"[{", b'[{"name": 3}]', b"\xff\x00"])
def test_a_damaged_file_is_made_again(folder, content):
    kept(list[Layer], lambda: LAYERS, "weights")
    (file,) = folder.iterdir()
    file.write_bytes(content)
    assert kept(list[Layer], lambda: LAYERS, "weights") == LAYERS
    assert kept(list[Layer], never, "weights") == LAYERS


def test_nothing_is_kept_where_the_user_wants_none(monkeypatch, tmp_path):
    monkeypatch.setenv(cache.VARIABLE, "")
    monkeypatch.chdir(tmp_path)
    assert kept(int, lambda: 1, "x") == 1
    assert kept(int, lambda: 2, "x") == 2
    assert cache_folder() is None
    assert not list(tmp_path.iterdir())


def test_a_place_where_nothing_can_be_written_costs_nothing_but_time(folder):
    folder.write_text("a file")
    assert kept(int, lambda: 1, "x") == 1
    assert kept(int, lambda: 2, "x") == 2
    assert folder.read_text() == "a file"


def test_what_cannot_be_written_is_found_out_each_time(folder):
    assert kept(str, lambda: "a\udcff", "x") == "a\udcff"
    assert kept(str, lambda: "b", "x") == "b"


def test_it_stands_with_the_users_other_caches_unless_told(monkeypatch, tmp_path):
    monkeypatch.delenv(cache.VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    found = cache_folder()
    assert found is not None
    assert found.is_relative_to(tmp_path)
    assert found.name == "interp"


def test_the_oldest_are_removed_where_many_are_kept(folder, monkeypatch):
    monkeypatch.setattr(cache, "MOST", 4)
    for number in range(5):
        kept(int, lambda number=number: number, number)
        for age, file in enumerate(sorted(folder.iterdir(), key=lambda each: each.read_text())):
            os.utime(file, (age, age))
    assert sorted(each.read_text() for each in folder.iterdir()) == ["2", "3", "4"]


def test_what_hangs_on_code_is_found_out_again_when_a_file_changes(tmp_path):
    file = tmp_path / "part.py"
    file.write_text("a = 1")
    before = state_of(tmp_path)
    file.write_text("a = 11")
    assert state_of(tmp_path) != before
    (tmp_path / "other.py").write_text("")
    assert len(state_of(tmp_path)) == 2
