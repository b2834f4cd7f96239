"""Trainings of real networks and processes: exports teach the same, a killed one goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interp.context import Context
from interp.knowledge import Knowledge
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions

HERE = Path(__file__).parent
STEPS = {"epochs": 13, "batch_size": 8, "warm_up": 2, "rate": 1e-3, "holdout": 0.2}
"""Of 40 images 32 are learned from, in four steps: 52 in all."""

KILLED = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/.."]
from conftest import Squares, TinyVgg, explainer, open_with
from pathlib import Path
from interp.context import Context
model, context = open_with(TinyVgg()), Context(checkpoint=Path(sys.argv[2]))
explainer(epochs=60).fit(model, Squares(), context).save(Path(sys.argv[3]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layer"), [("creatures-vgg", "stage3.1.2"), ("creatures-resnet", "stage3.0")]
)
def test_an_export_teaches_what_its_network_does(
    name: str, layer: str, method: Any, tmp_path: Path
) -> None:
    """No module, no gradients; losses to 1e-3 after 50 steps from the same first weights.

    Coverage is no loss: a mask jumps where two cells are equal but for rounding.
    """
    from interp_creatures.dataset import Creatures

    registry, options = Registry.load(), ModelOptions(device="cpu")
    model = open_model(name, options, registry)
    model.export(tmp_path / "m.onnx")
    export = open_model(str(tmp_path / "m.onnx"), options, registry)
    assert not {"module", "gradients"} & set(export.capabilities)
    data = Creatures(40, 7_000_000, two=False)
    logs = [
        method(layer=layer, **STEPS).fit(each, data, Context()).about["log"]
        for each in (model, export)
    ]
    for one, other in zip(*logs, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            far = 1e-2 if key == "coverage" else 1e-3
            assert one[key] == pytest.approx(other[key], rel=far, abs=1e-5), key
    assert logs[0][-1]["loss"] < logs[0][0]["loss"] and "information" in logs[0][-1]


@pytest.mark.slow
def test_a_killed_training_goes_on(tmp_path: Path) -> None:
    """SIGKILL in the middle, and the same command again: the same weights as without."""

    def command(kept: str, out: str) -> list[str]:
        places = [str(HERE), str(tmp_path / kept), str(tmp_path / out)]
        return [sys.executable, "-c", KILLED, *places]

    subprocess.run(command("a", "whole"), check=True)
    process = subprocess.Popen(command("b", "killed"))
    log = tmp_path / "b" / "log.jsonl"
    while not (log.exists() and len(log.read_text().splitlines()) > 3):
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed").exists()
    assert len(log.read_text().splitlines()) < 60
    subprocess.run(command("b", "again"), check=True)
    whole, again = (Knowledge.open(tmp_path / name) for name in ("whole", "again"))
    assert whole.about["log"] == again.about["log"] and whole.arrays.keys() == again.arrays.keys()
    for name, values in whole.arrays.items():
        assert np.array_equal(values, again.arrays[name]), name
