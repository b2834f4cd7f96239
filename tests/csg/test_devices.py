"""Training on two processes by the command line: --devices, --nodes, torchrun, and a kill."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

WORDS = (
    "fit --plugin csg --model creatures-resnet --data data --epochs 2 --period 2 --phase 1 "
    "--rate 0.01 --gated-rate 0.01 --gate-rate 0.5 --batch-size 16 --device cpu"
)
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, and A, which two processes trained."""
    place = tmp_path_factory.mktemp("devices")
    _interp(place, "data creatures --out data --count 60 --seed 3")
    _interp(place, f"{WORDS} --devices 2 --out A")
    return place


def test_two_devices_train_one_model(folder: Path) -> None:
    """Two CPU processes learn, one writes; log and folder are whole."""
    log = _log(folder / "A")
    assert [row["gated"] for row in log] == [False, True] and log[1]["density"] < 1
    assert not list(folder.glob("A.partial*")) and not list(folder.glob(".A-*"))
    found = _interp(folder, "run --plugin csg --model A --out explained")
    assert "class-filters" in found


def test_one_process_learns_the_same_within_noise(folder: Path) -> None:
    """Batches hold the same images, but each process normalises over its own half of them.

    The two losses differ by less than those of three seeds do.
    """
    for seed in range(3):
        _interp(folder, f"{WORDS} --seed {seed} --out one{seed}")
    losses = [_log(folder / f"one{seed}")[-1]["loss"] for seed in range(3)]
    two = _log(folder / "A")[-1]["loss"]
    assert abs(two - losses[0]) < max(losses) - min(losses)


def test_torchrun_trains_the_same_model(folder: Path) -> None:
    _interp(folder, f"{WORDS} --out B", TORCHRUN)
    _assert_equal(folder / "B", folder / "A")


def test_two_machines_train_the_same_model(folder: Path) -> None:
    """Each is a process here: the command runs on both, and says which one it is."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    machines = [
        _start(folder, f"{WORDS} --nodes 2 --out C", NODE_RANK=rank, MASTER_PORT=port)
        for rank in ("0", "1")
    ]
    for each in machines:
        _, errors = each.communicate(timeout=300)
        assert each.returncode == 0, errors
    _assert_equal(folder / "C", folder / "A")


def test_a_killed_training_goes_on(folder: Path) -> None:
    running = _start(folder, f"{WORDS} --devices 2 --out D")
    while running.poll() is None and not list(folder.glob("D.partial/training-*.pt")):
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    assert not (folder / "D").exists()
    _interp(folder, f"{WORDS} --devices 2 --out D")
    _assert_equal(folder / "D", folder / "A")


def _log(folder: Path) -> list[dict[str, Any]]:
    """What training wrote after each epoch."""
    found: list[dict[str, Any]] = json.loads((folder / "knowledge.json").read_text())["about"][
        "log"
    ]
    return found


def _weights(folder: Path) -> dict[str, np.ndarray]:
    """The trained model's floating-point weights."""
    found = load_file(next(folder.rglob("weights.safetensors")))
    return {name: each for name, each in found.items() if each.dtype == np.float32}


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
