"""One method on a folder: a bundle for each image, gone on with, shared by processes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from interp.context import Budget
from interp.dataset import open_dataset
from interp.errors import Cancelled, InputError, PluginError, UnsupportedError
from interp.report.page import write_index
from interp.request import Request
from interp.result.bundle import open_bundle
from interp.run_folder import FolderRun, run_folder
from interp.session import Session
from interp.storage.folder import read_json
from interp.testing import ToyModel

RANDOM = np.random.default_rng(0)


class Counting(ToyModel):
    """Counts the images it is asked for; raises beyond `most`."""

    def __init__(self, most: int = 10**9, error: type[BaseException] = KeyboardInterrupt) -> None:
        super().__init__()
        self.seen, self.most, self.error = 0, most, error

    def predict(self, images):
        self.seen += len(images)
        if self.seen > self.most:
            raise self.error("now")
        return super().predict(images)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Five images without classes, and a file that is none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(5):
        pixels = RANDOM.integers(0, 256, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"photo {index}.png")
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture
def go(registry, photos, tmp_path):
    """Run a method on the photos into tmp_path/out."""

    def call(method="tiles", model=None, limit=None, out="out", **changes):
        budget = Budget(samples=100, batch_size=50, shard=changes.pop("shard", None))
        request = Request(method=method, data=str(photos), budget=budget, **changes)
        return run_folder(
            request,
            tmp_path / out,
            Session(registry=registry, model=model or ToyModel()),
            limit=limit,
        )

    return call


def test_a_flat_folder_is_a_dataset_without_classes(photos) -> None:
    found = open_dataset(photos)
    assert (len(found), found.classes, found[0].label) == (5, (), None)
    assert [each.name for each in found] == [f"photo {index}" for index in range(5)]
    assert len(found.fingerprint) == 64


def test_each_image_has_a_bundle_and_the_index_names_it(go, registry, tmp_path) -> None:
    found = go(targets=("bee",))
    write_index(registry, found)
    facts = read_json(tmp_path / "out/index.json")
    assert facts["whole"] == facts["of"] == len(found.entries) == 5
    for index, each in enumerate(facts["images"]):
        request, explanation = open_bundle(tmp_path / "out" / each["folder"])
        assert explanation.provenance.image_names == (f"photo {index}",)
        assert request.images == (str(tmp_path / "photos" / f"photo {index}.png"),)
        assert (request.data, request.targets, each["targets"]) == (None, ("bee",), ["bee"])
    page = (tmp_path / "out/index.html").read_text("utf-8")
    assert page.count("data:image/webp;base64,") == 11  # the legend, five photos, five maps
    assert all(f'href="{each.folder}/"' in page for each in found.entries)


def test_the_index_says_the_unit_of_full_colour(go, registry, tmp_path) -> None:
    write_index(registry, go(method="rise", limit=1))
    page = (tmp_path / "out/index.html").read_text("utf-8")
    assert re.search(r"Full colour is [\d.e-]+ \(probability\) on every map", page)


def test_it_goes_on_where_it_was(go, tmp_path) -> None:
    with pytest.raises(
        Cancelled, match=r"2 of the images are whole in .*out, and the same command"
    ):
        go(model=Counting(most=250))
    assert not list((tmp_path / "out").glob(".0*"))
    model = Counting()
    assert len(go(model=model).entries) == 5
    assert 300 < model.seen < 320
    again = Counting()
    go(model=again)
    assert again.seen == 0
    with pytest.raises(InputError, match=r"holds something else \(other seed\)"):
        go(seed=1)
    fewer = go(limit=2)
    assert fewer.total == len(fewer.entries) == 5


def test_shards_are_disjoint_and_together_whole(go) -> None:
    models = [Counting(), Counting()]
    first = go(model=models[0], shard=(0, 2))
    names = {each.name for each in first.entries}
    assert names == {"photo 0", "photo 2", "photo 4"}
    both = go(model=models[1], shard=(1, 2))
    assert {each.name for each in both.entries} - names == {"photo 1", "photo 3"}
    alone = go(out="alone")
    assert [each.full for each in both.entries] == [each.full for each in alone.entries]
    assert models[0].seen + models[1].seen < 520


def test_what_cannot_be_read_is_counted_and_named(go, photos) -> None:
    (photos / "photo 1.png").write_bytes(b"torn")
    found = go(limit=3)
    assert [each.name for each in found.entries] == ["photo 0", "photo 2"]
    assert len(found.notes) == 1 and "1 unreadable" in found.notes[0]
    assert found.summary == "2 of 3 images are explained, 1 cannot be read"
    assert "photo 1.png" in found.notes[0] and found.total == 3


def test_a_failure_on_one_image_is_told_and_one_on_all_is_an_error(go) -> None:
    class Torn(Counting):
        def predict(self, images):
            self.seen += len(images)
            if self.seen > 110 and self.most > 0:
                self.most = 0
                raise ValueError("torn")
            return ToyModel.predict(self, images)

    found = go(model=Torn())
    assert len(found.entries) == 4 and list(found.failed) == ["photo 1"]
    assert "ValueError: torn" in found.failed["photo 1"]
    with pytest.raises(PluginError, match=r"every image failed.*by zero"):
        go("crash", out="crash")


def test_slips_come_first(go, tmp_path) -> None:
    for changes, error in (
        ({"params": {"cell": 3}}, InputError),
        ({"targets": ("be",)}, InputError),
        ({"method": "greedy"}, UnsupportedError),
    ):
        with pytest.raises(error):
            go(**changes)
    assert not (tmp_path / "out").exists() or changes["method"] == "greedy"


@pytest.mark.parametrize(
    ("total", "failed", "unreadable", "said"),
    [
        (2, {}, 0, "2 of 2 images are explained"),
        (3, {}, 1, "2 of 3 images are explained, 1 cannot be read"),
        (4, {"ant": "too small"}, 0, "2 of 4 images are explained, 1 failed, 1 is still to do"),
        (9, {}, 2, "2 of 9 images are explained, 2 cannot be read, 5 are still to do"),
    ],
)
def test_what_became_of_images_is_told_by_its_kind(total, failed, unreadable, said) -> None:
    run = FolderRun(
        Path(), Request(method="tiles"), [None] * 2, total, failed, unreadable=unreadable
    )
    assert run.summary == said
