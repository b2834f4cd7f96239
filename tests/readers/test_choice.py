"""Which reader opens a path: by pattern, by name, never silently one of two."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.readers.formats import PIXELS, coco, pictures, table, voc

from interp.errors import InputError, PluginError
from interp.opening.pattern import fits, most_special
from interp.opening.reader import choose_reader, read_data
from interp.registry import Registry
from interp.request import Request
from interp.run_folder import run_folder
from interp.session import Session
from interp.testing import ToyModel
from interp_dashboard.setting import Setting

REGISTRY = Registry.load()

CODE = """
    import numpy as np
    from interp.dataset import ImageArrays

    def open_list(path):
        return ImageArrays([np.zeros((9, 9, 3), np.uint8)] * 2, path.read_text().split())

    def broken(path):
        return [][1]

    def odd(path):
        return 3

    def empty(path):
        return ImageArrays([], [])
"""
FILE = """
    entries:
      - {kind: reader, name: mine, object: "NAME:OBJECT", summary: s, sources: ["SOURCE"]}
"""


@pytest.fixture
def other(package):
    """A registry with another package's reader for a pattern."""

    def add(source: str, function: str = "open_list") -> Registry:
        name = package(CODE, FILE.replace("SOURCE", source).replace("OBJECT", function))
        from importlib.util import find_spec

        return Registry.load([Path(find_spec(name).origin).with_name("registry.yaml")])

    return add


@pytest.mark.parametrize(
    ("made", "pattern", "fit"),
    [
        ("a.csv", "*.csv", True),
        ("a.csv", "*.npz", False),
        ("set/Annotations/1.xml", "folder:Annotations/*.xml", True),
        ("set/Annotations/1.txt", "folder:Annotations/*.xml", False),
        ("set/inside", "folder:inside", True),
        ("set/other", "folder:inside", False),
        ("set/any", "folder:*", True),
    ],
)
def test_patterns(tmp_path, made, pattern, fit):
    (tmp_path / made).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / made).write_text("x")
    assert fits(str(tmp_path / made.split("/")[0]), pattern) == fit


def test_a_special_case_comes_before_what_is_general():
    assert most_special(["*.json", "instances_*.json", "*.csv"]) == ["instances_*.json", "*.csv"]
    assert most_special(["folder:*", "folder:a.json"]) == ["folder:a.json"]
    assert most_special(["*.json", "*.json"]) == ["*.json"]


def test_a_package_brings_a_format(other, tmp_path):
    (tmp_path / "two.pics").write_text("one two")
    registry = other("*.pics")
    assert [each.name for each in read_data(registry, tmp_path / "two.pics")] == ["one", "two"]
    request = Request(method="centre", data=str(tmp_path / "two.pics"))
    found = run_folder(request, tmp_path / "out", Session(registry, ToyModel()))
    assert [each.name for each in found.entries] == ["one", "two"]
    chosen = Setting(images=tmp_path).data_sets(registry)
    assert "two.pics" in chosen and chosen["two.pics"] == tmp_path / "two.pics"


def test_a_more_special_pattern_takes_over(other, tmp_path):
    (tmp_path / "mine_1.csv").write_text("one")
    path = tmp_path / "mine_1.csv"
    assert choose_reader(other("mine_*.csv"), str(path)) == ("mine", path)
    assert choose_reader(REGISTRY, str(path)) == ("table", path)


def test_two_that_fit_are_told_and_one_can_be_named(other, tmp_path):
    path = table(tmp_path)
    registry = other("*.csv")
    with pytest.raises(InputError) as caught:
        read_data(registry, path)
    assert str(caught.value) == (
        f"{path}: 2 readers fit: table (*.csv), mine (*.csv); name one, as in table:{path}"
    )
    assert len(read_data(registry, f"table:{path}")) == 4
    assert len(read_data(registry, f"mine:{path}")) == 2


def test_two_formats_in_one_folder_are_told(tmp_path):
    voc(tmp_path)
    pictures(tmp_path / "images")
    (tmp_path / "annotations.json").write_text(coco(tmp_path / "other").read_text())
    with pytest.raises(InputError, match=r"2 readers fit: images \(folder:annotations.json\), voc"):
        read_data(REGISTRY, tmp_path)
    assert read_data(REGISTRY, f"voc:{tmp_path}").classes == ("ant", "bee", "cat")
    assert len(read_data(REGISTRY, f"images:{tmp_path}")) == len(PIXELS)


def test_where_none_fits_all_are_named(tmp_path):
    (tmp_path / "set.xyz").write_text("x")
    with pytest.raises(InputError) as caught:
        read_data(REGISTRY, tmp_path / "set.xyz")
    message = str(caught.value)
    for form in ("images (folder:*", "coco (*.json", "voc (", "table (*.csv", "numpy (*.npz"):
        assert form in message
    assert "\n" not in message and "or name it, NAME:PATH" in message
    with pytest.raises(InputError, match=r"found no folder creaturs, no file .*'creatures'"):
        read_data(REGISTRY, "creaturs")


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        ("broken", PluginError, "reader mine failed: IndexError: list index out of range"),
        ("odd", PluginError, "reader mine returned int; expected an interp.dataset.Dataset"),
        ("empty", InputError, "the reader mine found no images; expected at least one"),
    ],
)
def test_a_reader_that_fails_is_blamed(other, tmp_path, function, error, message):
    (tmp_path / "a.pics").write_text("x")
    with pytest.raises(error, match=message):
        read_data(other("*.pics", function), tmp_path / "a.pics")


def test_a_broken_packages_reason_is_told(package, tmp_path):
    name = package("import nowhere_to_be_found", FILE.replace("SOURCE", "*.pics"), installed=True)
    (tmp_path / "a.pics").write_text("x")
    with pytest.raises(PluginError, match=f"{name} could not be imported: ModuleNotFoundError"):
        read_data(Registry.load(), tmp_path / "a.pics")


def test_results_and_models_are_no_data_of_the_dashboard(tmp_path):
    path = table(tmp_path)
    coco(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model/model.json").write_text("{}")
    found = Setting(images=tmp_path).data_sets(REGISTRY)
    assert path.name in found and "annotations/instances_val2017.json" in found
    assert not any(name.endswith((".png", "model.json")) for name in found)
