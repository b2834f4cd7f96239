"""Decoupling from the command line: fit, run and survey on a folder of images, and slips."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import load_file

from interp.cli import main

NET = """
    import torch
    from torch import nn

    def net():
        with torch.random.fork_rng():
            torch.manual_seed(1)
            return nn.Sequential(
                nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU(),
                nn.Conv2d(6, 8, 3, 1, 1), nn.ReLU(),
                nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3),
            )
"""
FIT = "--epochs 3 --batch-size 6 --pad 1 --input size=12 --classes names.txt --rate 0.05"


class Answer(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def interp(
    package: Callable[[str], str],
    colours: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], Answer]:
    """interp WORDS in a folder with data/; NET stands for a network that can be trained."""
    from PIL import Image

    for example in colours(30):
        folder = tmp_path / "data" / ("blue", "green", "red")[example.label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(example.image).save(folder / f"{example.name}.png")
    name = package(NET)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "names.txt").write_text("blue\ngreen\nred\n")

    def call(words: str) -> Answer:
        code = main(words.replace("NET", f"{name}:net").split())
        return Answer(code, *capsys.readouterr())

    return call


def test_fit_run_survey(interp: Callable[[str], Answer]) -> None:
    fitted = interp(f"fit --plugin decoupling --model NET --data data --out B {FIT} --json")
    assert fitted.code == 0, fitted.err
    facts = json.loads(fitted.out)
    assert set(facts["layers"]["3"]) == {"on", "diversity"} and len(facts["log"]) == 3
    image = next(Path("data/red").iterdir())
    ran = interp(f"run --plugin decoupling --model B --image {image} --target red --out seen")
    assert ran.code == 0 and "path.png" in ran.out, ran.err
    assert interp(f"predict --model B --image {image}").code == 0
    surveyed = interp("survey --plugin decoupling --model B --data data --timed 1 --out surveyed")
    assert surveyed.code == 0, surveyed.err
    again = interp("rerun seen")
    assert again.code == 0, again.out + again.err


def test_the_gated_convolutions_are_listed(interp: Callable[[str], Answer]) -> None:
    fitted = interp(f"fit --plugin decoupling --model NET --data data --out B {FIT}")
    assert fitted.code == 0, fitted.err
    head, row = fitted.out.splitlines()[:2]
    assert head.split() == ["layer", "on", "diversity"] and row.split()[0] == "3"


def test_slips_are_told_in_a_line(interp: Callable[[str], Answer]) -> None:
    plain = interp("run --plugin decoupling --model creatures-resnet")
    assert plain.code == 2 and "was not trained with controlling modules" in plain.err
    wrong = interp(f"fit --plugin decoupling --model NET --data data --out B {FIT} --layer 0")
    assert wrong.code == 2 and "cannot be controlled" in wrong.err and not Path("B").exists()
    assert len(wrong.err.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_killed_fit_goes_on_to_the_same_weights(
    interp: Callable[[str], Answer], tmp_path: Path
) -> None:
    """SIGKILL in a process of its own, and the same command again."""
    (tmp_path / "net.py").write_text(textwrap.dedent(NET))
    longer = FIT.replace("--epochs 3", "--epochs 30")
    words = f"fit --plugin decoupling --model net:net --data data {longer} --out"
    surroundings = {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}

    def begin(out: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "interp", *words.split(), out]
        return subprocess.Popen(command, cwd=tmp_path, env=surroundings)

    assert begin("whole").wait() == 0
    process, log = begin("killed"), tmp_path / "killed.partial" / "log.jsonl"
    while not (log.exists() and len(log.read_text().splitlines()) > 3):
        assert process.poll() is None
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed").exists() and len(log.read_text().splitlines()) < 30
    assert begin("killed").wait() == 0
    for file in ("weights.safetensors", "arrays.safetensors"):
        whole, again = (load_file(tmp_path / out / file) for out in ("whole", "killed"))
        assert whole.keys() == again.keys()
        assert all(torch.equal(whole[name], again[name]) for name in whole), file
