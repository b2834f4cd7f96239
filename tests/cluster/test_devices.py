"""Training on two processes by the command line: --devices, --nodes, torchrun, and a kill."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

FITS = {
    "csg": "--model creatures-resnet --period 2 --phase 1 --gate-rate 0.5 "
    "--rate 0.01 --gated-rate 0.01",
    "decoupling": "--model creatures-resnet --rate 0.01",
    "explainer": "--model creatures-vgg --warm-up 0",
}
"""Every method that trains on several devices, with a fit that is short."""
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Fit:
    """A folder with data, and A, which two processes trained by the words."""

    method: str
    folder: Path
    words: str


@pytest.fixture(scope="module", params=FITS)
def fit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Fit:
    method, place = request.param, tmp_path_factory.mktemp("devices")
    given = "--data data --epochs 2 --batch-size 32 --device cpu"
    words = f"fit --plugin {method} {FITS[method]} {given}"
    _interp(place, "data creatures --out data --count 120 --seed 3")
    _interp(place, f"{words} --devices 2 --out A")
    return Fit(method, place, words)


def test_two_devices_train_one_model(fit: Fit) -> None:
    """Two CPU processes learn, one writes; log and folder are whole, and explain."""
    assert [row["epoch"] for row in _log(fit.folder / "A")] == [0, 1]
    assert not list(fit.folder.glob("A.partial*")) and not list(fit.folder.glob(".A-*"))
    option = "--model A" if fit.method != "explainer" else "--model creatures-vgg --knowledge A"
    _interp(fit.folder, f"run --plugin {fit.method} {option} --out explained")
    assert (fit.folder / "explained" / "manifest.json").is_file()


def test_one_process_learns_the_same_within_noise(fit: Fit) -> None:
    """Batches hold the same images, but each process normalises over its own half of them.

    The two losses differ by less than those of three seeds do.
    """
    for seed in range(3):
        _interp(fit.folder, f"{fit.words} --seed {seed} --out one{seed}")
    losses = [_log(fit.folder / f"one{seed}")[-1]["loss"] for seed in range(3)]
    two = _log(fit.folder / "A")[-1]["loss"]
    assert abs(two - losses[0]) < max(losses) - min(losses), (two, losses)


def test_torchrun_trains_the_same_model(fit: Fit) -> None:
    _interp(fit.folder, f"{fit.words} --out B", TORCHRUN)
    _assert_equal(fit.folder / "B", fit.folder / "A")


def test_two_machines_train_the_same_model(fit: Fit) -> None:
    """Each is a process here: the command runs on both, and says which one it is."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    machines = [
        _start(fit.folder, f"{fit.words} --nodes 2 --out C", NODE_RANK=rank, MASTER_PORT=port)
        for rank in ("0", "1")
    ]
    for each in machines:
        _, errors = each.communicate(timeout=300)
        assert each.returncode == 0, errors
    _assert_equal(fit.folder / "C", fit.folder / "A")


def test_a_killed_training_goes_on(fit: Fit) -> None:
    running = _start(fit.folder, f"{fit.words} --devices 2 --out D")
    while running.poll() is None and not list(fit.folder.glob("D.partial/training-*.pt")):
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    assert not (fit.folder / "D").exists()
    _interp(fit.folder, f"{fit.words} --devices 2 --out D")
    _assert_equal(fit.folder / "D", fit.folder / "A")


def _log(folder: Path) -> list[dict[str, Any]]:
    """What training wrote after each epoch."""
    found: list[dict[str, Any]] = json.loads((folder / "knowledge.json").read_text())["about"][
        "log"
    ]
    return found


def _weights(folder: Path) -> dict[str, np.ndarray]:
    """The floating-point numbers of what was trained."""
    return {
        f"{file.name} {name}": each
        for file in sorted(folder.rglob("*.safetensors"))
        for name, each in load_file(file).items()
        if each.dtype == np.float32
    }


def _assert_equal(one: Path, two: Path) -> None:
    found, expected = _weights(one), _weights(two)
    assert found.keys() == expected.keys() and found
    for name, each in expected.items():
        np.testing.assert_allclose(found[name], each, rtol=1e-5, atol=1e-6, err_msg=name)


def _interp(folder: Path, words: str, launcher: list[str] | None = None) -> str:
    """What the command prints."""
    done = _start(folder, words, launcher)
    out, errors = done.communicate(timeout=300)
    assert done.returncode == 0, errors
    return out


def _start(
    folder: Path, words: str, launcher: list[str] | None = None, **surroundings: str
) -> subprocess.Popen[str]:
    """The command, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, *(launcher or []), "-m", "interp", *words.split()],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1", **surroundings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
