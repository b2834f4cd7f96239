"""Every format gives the same images, classes and boxes, says what it assumed, and reads late."""

from __future__ import annotations

import pickle
from importlib.util import find_spec
from pathlib import Path
from random import Random

import numpy as np
import pytest
from tests.readers.formats import BOXES, CLASSES, FORMATS, LABELS, NEEDS, PIXELS, Format
from tests.robustness.damage import damage

from interp.cli import main
from interp.dataset import Dataset
from interp.errors import InputError
from interp.evaluation.evaluate import evaluate
from interp.evaluation.request import EvaluationRequest
from interp.opening.images import open_data
from interp.opening.reader import choose_reader, read_data
from interp.registry import Registry
from interp.request import Choice
from interp.session import Session
from interp.testing import ToyModel

REGISTRY = Registry.load()


@pytest.fixture(params=FORMATS)
def given(request, tmp_path: Path) -> tuple[Format, Path]:
    """A format, and the path of data that are written in it."""
    needed = NEEDS.get(request.param)
    if needed and find_spec(needed) is None:
        pytest.skip(f"needs {needed}: pip install -e '.[dev]'")
    found = FORMATS[request.param]
    return found, found.write(tmp_path)


def by_label(data: Dataset) -> list[int]:
    """The place of each image in the data set, in the order in which they were written."""
    flat = [each.image.tobytes() for each in data]
    return [flat.index(image.tobytes()) for image in PIXELS]


def test_images_classes_and_boxes_are_those_written(given) -> None:
    format_, path = given
    assert choose_reader(REGISTRY, str(path)) == (format_.reader, path)
    data = open_data(REGISTRY, str(path))
    assert data.classes == CLASSES and len(data) == 4
    places = by_label(data)
    assert sorted(places) == [0, 1, 2, 3]
    assert [data[at].label for at in places] == LABELS
    assert len({each.name for each in data}) == 4
    if format_.boxes:
        boxes = [tuple(each.box for each in data[at].instances) for at in places]
        assert boxes == [(tuple(map(float, box)),) for box in BOXES]
    with pytest.raises(IndexError):
        data[4]


def test_what_was_assumed_is_told(given) -> None:
    format_, path = given
    notes = " ".join(open_data(REGISTRY, str(path)).notes)
    told = {
        "images": "",
        "coco": "the images of instances_val2017.json were found in",
        "voc": "pixels of the boxes were counted from 1, and the last one is inside",
        "table": "paths were taken from the column",
        "numpy": "images were taken from",
        "datasets": "images were taken from the column 'picture', classes from 'label'",
    }
    assert told[format_.reader] in notes and "\n" not in notes


def test_the_fingerprint_is_of_the_content_and_reads_no_image(given, monkeypatch) -> None:
    _, path = given
    first = open_data(REGISTRY, str(path)).fingerprint
    assert open_data(REGISTRY, str(path)).fingerprint == first

    def read(*_: object) -> None:
        raise AssertionError("an image was read")

    for module in ("voc", "table", "hf_folder"):
        monkeypatch.setattr(f"interp_standard.reader.{module}.read_image", read)
    for module in ("files", "coco"):
        monkeypatch.setattr(f"interp.dataset.{module}.read_image", read)
    data = open_data(REGISTRY, str(path))
    assert data.fingerprint == first and data.classes == CLASSES and len(data) == 4


def test_another_label_is_another_fingerprint(given, tmp_path, monkeypatch) -> None:
    format_, path = given
    first = open_data(REGISTRY, str(path)).fingerprint
    monkeypatch.setattr("tests.readers.formats.NAMES", ("bee", "ant", "cat", "cat"))
    monkeypatch.setattr("tests.readers.formats.LABELS", [1, 0, 2, 2])
    (tmp_path / "other").mkdir()
    other = format_.write(tmp_path / "other")
    assert open_data(REGISTRY, str(other)).fingerprint != first


def test_it_is_evaluated(given) -> None:
    _, path = given
    chosen = {"methods": (Choice(name="centre"),), "metrics": (Choice(name="stability"),)}
    request = EvaluationRequest(**chosen, data=str(path), baselines=(), target="predicted")
    found = evaluate(request, Session(REGISTRY, ToyModel()))
    assert len(found.records) == 4 and not any(each.skipped.get("images") for each in found.records)
    assert set(open_data(REGISTRY, str(path)).notes) <= set(found.notes())


def test_commands_take_any_format(tmp_path, capsys) -> None:
    path, out = FORMATS["csv"].write(tmp_path), tmp_path / "out"
    words = ["--plugin", "centre", "--data", f"table:{path}", "--limit", "2", "--out", str(out)]
    assert main(["run", *words]) == 0
    shown = capsys.readouterr().out
    assert "2 of 2 images are explained" in shown
    assert "note: paths were taken from the column 'File_Name', classes from 'Class'" in shown


def test_damage_is_an_error_of_one_line_or_is_read(given) -> None:
    """No damage to any file makes a reader fail otherwise, or read more images than there are."""
    _, path = given
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    whole = {each: each.read_bytes() for each in files}
    refused = []
    for seed in range(60):
        random = Random(seed)
        chosen = random.choice(files)
        chosen.write_bytes(damage(whole[chosen], random))
        try:
            data = open_data(REGISTRY, str(path))
            _ = data.fingerprint, data.classes, data.notes
            for at in range(min(len(data), 6)):
                assert data[at].image.ndim == 3
        except InputError as error:
            refused.append(str(error))
        chosen.write_bytes(whole[chosen])
    assert refused and [each for each in refused if "\n" in each or len(each) > 700] == []
    assert len(read_data(REGISTRY, path)) == 4


class Payload:
    """What would run if it were unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self):
        return Path.touch, (self.place,)


@pytest.mark.parametrize("suffix", ["npz", "npy"])
def test_nothing_is_unpickled(tmp_path, suffix) -> None:
    place = tmp_path / "ran"
    objects = np.array([Payload(place)] * 4, object)
    if suffix == "npz":
        np.savez(tmp_path / "images.npz", images=PIXELS, labels=objects)
    else:
        np.save(tmp_path / "images.npy", PIXELS)
        np.save(tmp_path / "labels.npy", objects)
    with pytest.raises(InputError, match="objects, which would have to be unpickled"):
        open_data(REGISTRY, str(tmp_path / f"images.{suffix}"))
    (tmp_path / "images.npz").write_bytes(pickle.dumps(Payload(place)))
    with pytest.raises(InputError):
        open_data(REGISTRY, str(tmp_path / "images.npz"))
    assert not place.exists()
