"""The classes of data are the model's by name; numbers are names."""

import re

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

from interp.class_match import match_classes
from interp.dataset import open_dataset
from interp.errors import InputError
from interp.evaluation.data import ChosenImages


def unnamed(count: int) -> tuple[str, ...]:
    return tuple(f"class {each}" for each in range(count))


@pytest.mark.parametrize("names", ["1 2 3 4", "0 1 2 3 4 5 6 7 8 9 10 11", "cat dog", "1 10 2 3"])
def test_folders_are_outputs_in_the_order_of_imagefolder(tmp_path, names: str) -> None:
    for name in names.split():
        (tmp_path / name).mkdir()
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / name / "a.png")
    expected, data = ImageFolder(tmp_path).class_to_idx, open_dataset(tmp_path)
    chosen = ChosenImages(data, None, unnamed(len(expected)))
    chosen.check()
    assert dict(zip(data.classes, chosen.labels, strict=True)) == expected
    (note,) = chosen.notes
    assert "alphabetical order, as ImageFolder sorts" in note and "--classes" in note


def test_names_come_before_any_order() -> None:
    assert match_classes(("1", "10", "2"), ("2", "1", "10", "3")) == ((1, 2, 0), ())
    assert match_classes(("cat", "dog"), ("dog, canis", "Cat")) == ((1, 0), ())
    assert match_classes(unnamed(2), unnamed(3)) == ((0, 1), ())


@pytest.mark.parametrize(
    ("found", "classes", "labels", "words"),
    [
        (("0", "1"), ("ant", "bee"), (None, None), "a number is taken for a name"),
        (("ant", "cow"), ("ant", "bee"), (0, None), r"1 of the data's 2 classes \(cow\)"),
        (("0", "1"), unnamed(3), (None, None), "the model's 3 classes have no names"),
        (("2", "1"), unnamed(2), (None, None), "the model's 2 classes have no names"),
        (("crane",), ("crane", "crane"), (None,), "none of the model's"),
    ],
)
def test_what_does_not_match_is_told(found, classes, labels, words) -> None:
    match = match_classes(found, classes)
    assert match.labels == labels
    assert re.search(words, match.notes[0])
    assert "--classes FILE" in match.notes[0]


def test_data_of_which_nothing_matches_are_refused(tmp_path) -> None:
    for name in "01":
        (tmp_path / name).mkdir()
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / name / "a.png")
    with pytest.raises(InputError, match=r"number is taken for a name.*--target predicted"):
        ChosenImages(open_dataset(tmp_path), None, ("ant", "bee")).check()
