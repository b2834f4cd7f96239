"""The explainer from the command line: fit, run and survey on a folder without classes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from interp.cli import main

NET = """
    from collections import OrderedDict

    import torch
    from torch import nn

    def net():
        with torch.random.fork_rng():
            torch.manual_seed(1)
            parts = [
                nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU(), nn.Conv2d(6, 5, 3, 1, 1), nn.ReLU(),
                nn.MaxPool2d(4), nn.Flatten(), nn.Linear(20, 8), nn.ReLU(),
                nn.Linear(8, 7), nn.ReLU(), nn.Linear(7, 3),
            ]
            return nn.Sequential(OrderedDict({f"at{n}": each for n, each in enumerate(parts)}))
"""
FIT = "fit --plugin explainer --model NET --data data --epochs 3 --batch-size 6 --input size=16"


class Answer(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def interp(
    package: Callable[[str], str],
    squares: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], Answer]:
    """interp WORDS in a folder with data/; NET stands for a VGG-like network."""
    from PIL import Image

    (tmp_path / "data").mkdir()
    for example in squares(16):
        Image.fromarray(example.image).save(tmp_path / "data" / f"{example.name}.png")
    name = package(NET)
    monkeypatch.chdir(tmp_path)

    def call(words: str) -> Answer:
        code = main([*words.replace("NET", f"{name}:net").split()])
        return Answer(code, *capsys.readouterr())

    return call


@pytest.mark.slow
def test_from_images_to_pictures(interp: Callable[[str], Answer], tmp_path: Path) -> None:
    answer = interp(f"{FIT} --parts 4 --out K --json")
    assert answer.code == 0, answer.err
    facts = json.loads(answer.out)
    assert list(facts["layers"]) == ["at1"] and "held error at9" in facts["layers"]["at1"]
    seen = "--plugin explainer --model NET --input size=16 --knowledge K"
    answer = interp(f"run {seen} --image data/s0.png --target 1 --filters 2 --out B")
    assert answer.code == 0, answer.err
    assert len(list((tmp_path / "B").glob("*.png"))) >= 4
    answer = interp(f"survey {seen} --data data --gallery 3 --out S")
    assert answer.code == 0, answer.err
    assert list((tmp_path / "S").glob("*.png"))


def test_help_names_the_parameters(interp: Callable[[str], Answer]) -> None:
    answer = interp("show explainer")
    assert answer.code == 0, answer.err
    for name in ("filter_share", "contribution", "decode", "warm_up"):
        assert name in answer.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--layer at11", "no layer 'at11'"),
        ("--decode at9 --decode at7", "expected them in the order"),
        ("--start copied --parts 9", "next convolution is not 3 x 3 of 9 filters"),
        ("--crop 1", "found 0 images to learn from"),
    ],
)
def test_slips(interp: Callable[[str], Answer], words: str, message: str) -> None:
    answer = interp(f"{FIT} {words} --out K")
    assert answer.code == 2 and message in answer.err.replace("\n", " ")
