"""Data sets on disk: what is written is read back exactly, and bad folders are refused plainly."""

import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from interp.dataset import (
    Dataset,
    Example,
    Instance,
    Part,
    TolerantReader,
    open_dataset,
    write_coco,
)
from interp.errors import InputError, PluginError
from interp.result.stored_image import write_png
from interp.storage.image import HEIF, PHOTOS, SUFFIXES


class Listed(Dataset):
    """Examples in a list."""

    classes = ("cat", "dog")
    fingerprint = "listed"

    def __init__(self, examples):
        self.examples = examples

    def __len__(self):
        return len(self.examples)

    def __getitem__(self, index):
        return self.examples[index]


def make_example(number, rng, label=1):
    height, width = 20 + number, 31
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    first = rng.random((height, width)) < 0.5
    corner = np.zeros((height, width), bool)
    corner[0, 0] = corner[-1, -1] = True
    parts = (Part("tail", (3.25, 7.5), corner), Part("head", (11.0, 2.0 / 3), None))
    instances = (
        Instance(1, (0.0, 0.0, 31.0, float(height)), first, parts),
        Instance(0, (4.0, 5.0, 9.0, 12.0), None, parts[:1]),
    )
    return Example(f"photo-{number}", image, label, instances)


@pytest.fixture
def written(tmp_path):
    rng = np.random.default_rng(3)
    examples = [make_example(0, rng), make_example(1, rng, None), make_example(2, rng, 0)]
    examples.append(Example("empty", examples[0].image, 0))
    return examples, write_coco(Listed(examples), tmp_path / "out")


def same_mask(first, second):
    return (first is None) == (second is None) and (first is None or np.array_equal(first, second))


def same_part(first, second):
    same = first.name == second.name and first.centre == tuple(second.centre)
    return same and same_mask(first.mask, second.mask)


def test_coco_round_trip_is_exact(written):
    examples, folder = written
    dataset = open_dataset(folder)
    assert dataset.classes == ("cat", "dog")
    assert len(dataset) == len(examples)
    for example, read in zip(examples, dataset, strict=True):
        assert (read.name, read.label) == (example.name, example.label)
        assert np.array_equal(read.image, example.image)
        for truth, instance in zip(example.instances, read.instances, strict=True):
            assert (instance.label, instance.box) == (truth.label, truth.box)
            assert same_mask(instance.mask, truth.mask)
            assert len(instance.parts) == len(truth.parts)
            assert all(map(same_part, truth.parts, instance.parts))


def test_runs_count_down_the_columns(written):
    _, folder = written
    document = json.loads((folder / "annotations.json").read_text())
    runs = document["annotations"][0]["parts"]["tail"]
    assert runs == {"size": [20, 31], "counts": [0, 1, 20 * 31 - 2, 1]}


def test_keypoints_follow_the_category(written):
    _, folder = written
    document = json.loads((folder / "annotations.json").read_text())
    assert document["categories"][1]["keypoints"] == ["tail", "head"]
    assert document["annotations"][1]["keypoints"] == [3.25, 7.5, 2, 0, 0, 0]
    assert document["annotations"][1]["bbox"] == [4.0, 5.0, 5.0, 7.0]


def test_fingerprint_follows_the_annotation(written):
    _, folder = written
    before = open_dataset(folder).fingerprint
    assert before == open_dataset(folder).fingerprint
    file = folder / "annotations.json"
    file.write_text(file.read_text().replace('"cat"', '"cow"'))
    assert open_dataset(folder).fingerprint != before


def test_plain_coco_with_polygons(written):
    _, folder = written
    document = {
        "images": [{"id": 7, "file_name": "photo-0.png"}],
        "categories": [{"id": 40, "name": "cat"}, {"id": 90, "name": "dog"}],
        "annotations": [
            {"image_id": 7, "category_id": 40, "bbox": [0, 0, 2, 2]},
            {"image_id": 7, "category_id": 90, "bbox": [4, 6, 5, 3],
             "segmentation": [[4, 6, 9, 6, 9, 9, 4, 9]]},
        ],
    }  # fmt: skip
    (folder / "annotations.json").write_text(json.dumps(document))
    example = open_dataset(folder)[0]
    assert example.label == 1
    truth = np.zeros((20, 31), bool)
    truth[6:9, 4:9] = True
    overlap = (example.instances[1].mask & truth).sum() / (example.instances[1].mask | truth).sum()
    assert overlap > 0.6


WRONG = [
    ("category_id", 77, "category_id: found 77, which no category has"),
    ("image_id", 99, "image_id: found 99, which no image has"),
    ("bbox", [4, 5, float("nan"), 2], "bbox"),
    ("bbox", [4, 5, -3, 2], "expected width and height above 0"),
    ("bbox", [4, 5, 1e999, 2], "bbox"),
    ("bbox", [4, 5], "bbox"),
    ("bbox", [True, 5, 5, 2], "bbox"),
    ("category_id", True, "category_id: value error, expected a number or a text"),
    ("bbox", None, "bbox"),
    ("keypoints", ["a"], "keypoints"),
]


@pytest.mark.parametrize(("key", "value", "words"), WRONG)
def test_an_annotation_that_cannot_be_used_is_left_out_and_named(written, key, value, words):
    """Also a box without area, which would count as a miss of every map."""
    _, folder = written
    document = json.loads((folder / "annotations.json").read_text())
    before = len(open_dataset(folder)[0].instances)
    document["annotations"][0][key] = value
    (folder / "annotations.json").write_text(json.dumps(document))
    opened = open_dataset(folder)
    assert len(opened[0].instances) == before - 1
    (note,) = opened.notes
    assert note.startswith("1 annotations of annotations.json were left out (number 0: ")
    assert words in note


MASKS = [
    {"size": [10**6, 10**6], "counts": [10**12]},
    {"size": [20, 31], "counts": [-1, 621]},
    {"size": [20, 31], "counts": [1, 2]},
    {"size": [20, 31], "counts": "abc"},
    {"size": None},
    [["a", "b"]],
    [[1, 2, 3]],
    [[1e300] * 6],
    [[]],
    "mask",
    7,
]


@pytest.mark.parametrize("mask", MASKS)
def test_a_mask_that_cannot_be_used_leaves_its_object_out(written, mask):
    _, folder = written
    document = json.loads((folder / "annotations.json").read_text())
    before = open_dataset(folder)[0]
    document["annotations"][0]["segmentation"] = mask
    (folder / "annotations.json").write_text(json.dumps(document))
    after = open_dataset(folder)[0]
    assert len(after.instances) == len(before.instances) - 1
    assert after.notes[0].startswith("an object was left out: found ")


def test_a_file_outside_of_the_folder_is_no_image(written):
    _, folder = written
    document = json.loads((folder / "annotations.json").read_text())
    document["images"][0]["file_name"] = "../../secret.png"
    (folder / "annotations.json").write_text(json.dumps(document))
    opened = open_dataset(folder)
    assert "expected a file inside images/" in opened.notes[0]
    assert len(opened) == len(document["images"]) - 1


def test_loose_images_and_broken_links_are_told(tmp_path):
    picture = np.zeros((8, 8, 3), np.uint8)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        write_png(tmp_path / name / "a.png", picture)
    write_png(tmp_path / "loose.png", picture)
    (tmp_path / "cat" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    opened = open_dataset(tmp_path)
    assert opened.notes == (f"1 images beside the class folders of {tmp_path} were left out",)
    reader = TolerantReader(opened)
    read = [example for _, example in reader.examples() if example is not None]
    assert [each.label for each in read] == [0, 1]
    assert "1 unreadable image was left out" in reader.notes()[1]
    assert opened.fingerprint


def test_a_name_that_is_no_text_is_still_an_image(tmp_path):
    name = os.fsdecode(b"bad-\xff.png")
    write_png(tmp_path / "a.png", np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "a.png").rename(tmp_path / name)
    (example,) = open_dataset(tmp_path)
    assert example.name == "bad-?"
    assert open_dataset(tmp_path).fingerprint


def test_two_images_of_one_name_are_refused(tmp_path):
    example = make_example(0, np.random.default_rng(0))
    with pytest.raises(InputError, match="two images named photo-0"):
        write_coco(Listed([example, example]), tmp_path / "out")


def test_nothing_is_left_of_a_failed_export(tmp_path):
    class Broken(Listed):
        def __getitem__(self, index):
            if index == 1:
                raise KeyboardInterrupt
            return super().__getitem__(index)

    rng = np.random.default_rng(0)
    with pytest.raises(KeyboardInterrupt):
        write_coco(Broken([make_example(0, rng), make_example(1, rng)]), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_export_does_not_overwrite(written):
    examples, folder = written
    with pytest.raises(InputError, match="new folder"):
        write_coco(Listed(examples), folder)


def test_progress_counts_to_the_end(tmp_path):
    rng = np.random.default_rng(0)
    seen = []
    write_coco(Listed([make_example(n, rng) for n in range(3)]), tmp_path / "out",
               lambda *step: seen.append(step))  # fmt: skip
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_class_folders(tmp_path):
    for name, files in {"dog": ["b.png", "a.JPG"], "cat": ["c.png", "notes.txt"]}.items():
        (tmp_path / name).mkdir()
        for file in files:
            image = np.full((8, 9, 3), (30, 60, 200), np.uint8)
            written, data = cv2.imencode(".png", image[..., ::-1])
            assert written
            (tmp_path / name / file).write_bytes(data.tobytes())
    dataset = open_dataset(tmp_path)
    assert dataset.classes == ("cat", "dog")
    assert [(e.name, e.label) for e in dataset] == [("c", 0), ("a", 1), ("b", 1)]
    assert dataset[0].image[0, 0].tolist() == [30, 60, 200]
    assert dataset[0].instances == ()


@pytest.mark.parametrize("suffix", [each for each in PHOTOS if each not in HEIF])
@pytest.mark.parametrize("kind", ["plain", "class folders"])
def test_every_suffix_that_open_image_reads_is_found(tmp_path, suffix, kind):
    folder = tmp_path / "cat" if kind == "class folders" else tmp_path
    folder.mkdir(exist_ok=True)
    for name in (f"a{suffix}", f"b{suffix.upper()}"):
        Image.fromarray(np.full((8, 9, 3), 200, np.uint8)).save(folder / name)
    dataset = open_dataset(tmp_path)
    assert [example.name for example in dataset] == ["a", "b"]
    assert dataset.classes == (("cat",) if kind == "class folders" else ())
    assert [example.label for example in dataset] == [0 if dataset.classes else None] * 2


def test_a_folder_without_images_is_told_what_images_are(tmp_path):
    (tmp_path / "notes.doc").write_bytes(b"x")
    with pytest.raises(InputError) as caught:
        open_dataset(tmp_path)
    assert all(suffix in str(caught.value) for suffix in SUFFIXES)


def test_unreadable_image_is_refused_when_it_is_read(tmp_path):
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "a.png").write_bytes(b"")
    dataset = open_dataset(tmp_path)
    with pytest.raises(InputError):
        dataset[0]


@pytest.mark.parametrize("make", ["missing", "empty", "file", "not-json", "no-keys"])
def test_bad_folder_is_one_plain_line(tmp_path, make):
    folder = tmp_path / "set"
    if make == "file":
        folder.write_text("x")
    elif make != "missing":
        folder.mkdir()
    if make == "not-json":
        (folder / "annotations.json").write_text("{")
    if make == "no-keys":
        (folder / "annotations.json").write_text('{"images": []}')
    with pytest.raises(InputError) as caught:
        open_dataset(folder)
    message = str(caught.value)
    assert "\n" not in message and "expected" in message and str(folder) in message


def test_parts_that_tell_the_class_are_written_and_read(tmp_path):
    image, mask = np.zeros((9, 9, 3), np.uint8), np.eye(9, dtype=bool)
    parts = (Part("head", (1.0, 1.0), mask, True), Part("body", (2.0, 2.0), mask))
    examples = [Example("one", image, 1, (Instance(1, (0.0, 0.0, 9.0, 9.0), mask, parts),))]
    folder = write_coco(Listed(examples), tmp_path / "out")
    found = open_dataset(folder)[0].instances[0].parts
    assert [(each.name, each.defining) for each in found] == [("head", True), ("body", False)]
    document = json.loads((folder / "annotations.json").read_text())
    assert all(each.pop("defining") == ["head"] for each in document["categories"])
    (folder / "annotations.json").write_text(json.dumps(document))
    assert not any(each.defining for each in open_dataset(folder)[0].instances[0].parts)


class Careless(Listed):
    """A data set whose examples are whatever these functions do."""

    def __getitem__(self, index):
        return self.examples[index]()


@pytest.mark.parametrize(
    "fault", [lambda: 1 / 0, lambda: sys.exit(3), lambda: Path("nowhere").read_bytes(), lambda: 7]
)
def test_a_careless_data_set_is_named_with_the_image(fault):
    with pytest.raises(PluginError, match=r"test_dataset:Careless (failed at|gave int as) image 0"):
        Careless([fault])[0]
