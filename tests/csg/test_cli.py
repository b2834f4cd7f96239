"""CSG from the command line: fit, run and survey on a folder of images, and slips."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command_line import Interp, command_line
from support.dataset import CLASSES, Colours, write_images

FIT = "--epochs 3 --batch-size 6 --pad 1 --new-head --input size=12 --gate-rate 0.3"


@pytest.fixture
def interp(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Interp:
    """interp WORDS in a folder with data/; NET stands for a network that can be trained."""
    write_images(Colours(30), tmp_path / "data", CLASSES)
    monkeypatch.chdir(tmp_path)
    return command_line(capsys, NET="support.networks:pooled_net")


def test_fit_run_survey(interp: Interp) -> None:
    fitted = interp(f"fit --plugin csg --model NET --data data --out B {FIT} --json")
    assert fitted.code == 0, fitted.err
    facts = json.loads(fitted.out)
    assert facts["layers"]["4"]["density"] < 1 and len(facts["log"]) == 3
    assert sorted(path.name for path in Path("B").iterdir()) == [
        "arrays.safetensors",
        "knowledge.json",
        "manifest.json",
        "model.json",
        "weights.safetensors",
    ]
    image = next(Path("data/red").iterdir())
    ran = interp(f"run --plugin csg --model B --image {image} --target red --out explained")
    assert ran.code == 0 and "class-filters-red.png" in ran.out, ran.err
    assert interp("survey --plugin csg --model B --data data --out surveyed").code == 0
    again = interp("rerun explained")
    assert again.code == 0, again.out + again.err


def test_a_gate_that_is_off(interp: Interp) -> None:
    fitted = interp(f"fit --plugin csg --model NET --data data --out T --gate off {FIT}")
    assert fitted.code == 0 and "model: T (open it with --model)" in fitted.out
    ran = interp("run --plugin csg --model T --image data/red/c2.png --out explained")
    assert ran.code == 2 and "plain twin, trained with --gate off" in ran.err
    assert interp("survey --plugin csg --model T --data data --out surveyed").code == 0


def test_slips_are_told_in_a_line(interp: Interp) -> None:
    slow = interp(f"fit --plugin csg --model NET --data data --out B {FIT[:-3]}1e-4")
    assert slow.code == 2 and "raise --gate-rate" in slow.err and not Path("B").exists()
    vgg = interp("fit --plugin csg --data data --new-head --out B")
    assert vgg.code == 2 and "creatures-vgg does not end as CSG needs" in vgg.err
    assert len(vgg.err.strip().splitlines()) == 1


def test_the_methods_own_network_is_the_default(interp: Interp) -> None:
    ran = interp("run --plugin csg --out explained")
    assert ran.code == 0 and "csg on creatures-csg" in ran.out, ran.err
    assert len(list(Path("explained").glob("*.png"))) == 9
    surveyed = interp("survey --plugin csg --data data --out surveyed")
    assert surveyed.code == 2 and "the data's classes are not creatures-csg's" in surveyed.err
