"""Decoupling from the command line: fit, run and survey on a folder of images, and slips."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support.command_line import Interp, command_line
from support.dataset import CLASSES, ColouredTops, write_images

NET = "support.networks:pooled_net"
FIT = "--epochs 3 --batch-size 6 --pad 1 --input size=12 --classes names.txt --rate 0.05"


@pytest.fixture
def interp(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Interp:
    """interp WORDS in a folder with data/; NET stands for a network that can be trained."""
    write_images(ColouredTops(30), tmp_path / "data", CLASSES)
    (tmp_path / "names.txt").write_text("blue\ngreen\nred\n")
    monkeypatch.chdir(tmp_path)
    return command_line(capsys, NET=NET)


def test_fit_run_survey(interp: Interp) -> None:
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


def test_the_gated_convolutions_are_listed(interp: Interp) -> None:
    fitted = interp(f"fit --plugin decoupling --model NET --data data --out B {FIT}")
    assert fitted.code == 0, fitted.err
    head, row = fitted.out.splitlines()[:2]
    assert head.split() == ["layer", "on", "diversity"] and row.split()[0] == "3"


def test_slips_are_told_in_a_line(interp: Interp) -> None:
    plain = interp("run --plugin decoupling --model creatures-resnet")
    assert plain.code == 2 and "was not trained with controlling modules" in plain.err
    wrong = interp(f"fit --plugin decoupling --model NET --data data --out B {FIT} --layer 0")
    assert wrong.code == 2 and "cannot be controlled" in wrong.err and not Path("B").exists()
    assert len(wrong.err.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_killed_fit_goes_on_to_the_same_weights(interp: Interp, tmp_path: Path) -> None:
    """SIGKILL in a process of its own, and the same command again."""
    longer = FIT.replace("--epochs 3", "--epochs 30")
    words = f"fit --plugin decoupling --model {NET} --data data {longer} --out"
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

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
