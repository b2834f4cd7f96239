"""Training on two processes by the command line, as --devices does it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_two_devices_train_one_model(tmp_path: Path) -> None:
    """Two CPU processes learn, one writes; log and folder are whole."""
    words = "--model creatures-resnet --data data --out B --epochs 2 --period 2 --phase 1"
    rates = "--rate 0.01 --gated-rate 0.01 --gate-rate 0.5 --batch-size 16 --devices 2"
    _interp(tmp_path, "data creatures --out data --count 60 --seed 3")
    _interp(tmp_path, f"fit --plugin csg {words} {rates} --device cpu")
    log = json.loads((tmp_path / "B/knowledge.json").read_text())["about"]["log"]
    assert [row["gated"] for row in log] == [False, True] and log[1]["density"] < 1
    assert not list(tmp_path.glob("B.partial*")) and not list(tmp_path.glob(".B-*"))
    found = _interp(tmp_path, "run --plugin csg --model B --out explained")
    assert "class-filters" in found


def _interp(folder: Path, words: str) -> str:
    """What the command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "interp", *words.split()],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
