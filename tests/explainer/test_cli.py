"""The explainer from the command line: fit, run and survey on a folder without classes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command_line import Interp, command_line
from support.dataset import Squares, write_images

FIT = "fit --plugin explainer --model NET --data data --epochs 3 --batch-size 6 --input size=16"


@pytest.fixture
def interp(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Interp:
    """interp WORDS in a folder with data/; NET stands for a VGG-like network."""
    write_images(Squares(16), tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return command_line(capsys, NET="support.networks:vgg_net")


@pytest.mark.slow
def test_from_images_to_pictures(interp: Interp, tmp_path: Path) -> None:
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


def test_help_names_the_parameters(interp: Interp) -> None:
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
def test_slips(interp: Interp, words: str, message: str) -> None:
    answer = interp(f"{FIT} {words} --out K")
    assert answer.code == 2 and message in answer.err.replace("\n", " ")
