"""Targets by name, index, synonym and difference."""

import pytest
import torch

from interp.errors import InputError
from interp.target import Target, index_text, name_text, parse_target

CLASSES = ["tench, Tinca tinca", "goldfish, Carassius auratus", "crane", "crane", "Tiger cat", "7"]


@pytest.mark.parametrize(
    ("text", "index"),
    [("tench, Tinca tinca", 0), ("goldfish", 1), ("tiger CAT", 4), ("2", 2), (3, 3), ("7", 5)],
)
def test_a_class_by_name_synonym_or_index(text: str | int, index: int) -> None:
    assert parse_target(text, CLASSES).index == index


def test_a_difference_of_classes() -> None:
    target = parse_target("tiger cat, not goldfish", CLASSES)
    assert (target.index, target.against) == (4, 1)
    scores = torch.tensor([[0.0, 0.3, 0.0, 0.0, 0.5, 0.0]])
    assert target.select(scores).tolist() == pytest.approx([0.2])
    assert Target(4, "").select(scores).tolist() == [0.5]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tiger kat", "did you mean 'Tiger cat'"),
        ("goldfich", "did you mean"),
        ("99", "expected 0 to 5"),
        ("-1", "expected 0 to 5"),
        ("--1", "unknown target '--1'"),
        ("²", "unknown target '²'"),
        ("9" * 5000, "unknown target '999"),
        (f"index:{'9' * 5000}", "expected 0 to 5"),
        ("crane", r"names 2 classes \(2: crane; 3: crane\)"),
        ("tench, not tench", "with itself"),
    ],
)
def test_a_wrong_target_gives_one_helpful_line(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_target(text, CLASSES)


GRADES = ["1", "2", "3", "4"]


@pytest.mark.parametrize("names", [GRADES, ["1", "10", "2", "3"], ["0", "1", "2", "3"]])
def test_a_number_is_an_index_and_a_text_a_name(names: list[str]) -> None:
    for index in range(4):
        assert parse_target(index, names).index == index
        assert parse_target(index_text(index, names), names).index == index
        assert parse_target(f"index:{index}", names).index == index
        assert parse_target(name_text(names[index], names), names).index == index
        assert parse_target(f"name:{names[index]}", names).index == index


def test_a_number_with_two_meanings_is_told() -> None:
    for text in ("3", "4, not 3"):
        with pytest.raises(InputError, match=r"name of class 2 .* index of 4; say name:3 or"):
            parse_target(text, GRADES)
    assert parse_target("4", GRADES).index == 3  # no class has the index 4
    assert parse_target("index:3, not name:1", GRADES) == Target(3, "4, not 1", 0)
    assert name_text("1, not 3", GRADES) == "name:1, not name:3"
    assert parse_target("7", [*"abcdefg", "index:7", "name:7"]).index == 7
    assert parse_target("index:7", [*"abcdefg", "x", "index:7"]).index == 8


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name:7", "unknown target '7'"),
        ("index:7", "out of range; expected 0 to 3"),
        ("index:four", "found index 'four'; expected 0 to 3"),
        (4, "out of range; expected 0 to 3"),
        (-1, "out of range; expected 0 to 3"),
    ],
)
def test_a_wrong_name_or_index_is_told(text: str | int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_target(text, GRADES)
