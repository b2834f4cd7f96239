"""Targets by name, index, synonym and difference."""

import pytest
import torch

from interp.errors import InputError
from interp.target import Target, parse_target

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
        ("crane", r"names classes \[2, 3\]"),
        ("tench, not tench", "with itself"),
    ],
)
def test_a_wrong_target_gives_one_helpful_line(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_target(text, CLASSES)
