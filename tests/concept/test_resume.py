"""What CRAFT learns does not hang on interruptions, parts or the adapter."""

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

from interp.context import Budget, Context
from interp.errors import Cancelled, InputError
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp_concept.craft.class_fit import ClassFit
from interp_concept.craft.method import Craft
from interp_concept.craft.params import CraftParams

PARAMS = CraftParams(layer="act", concepts=3, images=12)


def assert_same(found: Knowledge, expected: Knowledge, tolerance: float = 1e-6) -> None:
    assert found.arrays.keys() == expected.arrays.keys()
    for name, values in expected.arrays.items():
        apart = np.abs(found.arrays[name].astype(float) - values).max()
        limit = tolerance * max(1.0, float(np.abs(values).max()))  # importances are shares of 1
        assert apart <= limit, name


@pytest.mark.parametrize("after", [2, 40, 60, 90])
def test_stopped_anywhere_goes_on(
    model: ModelAdapter, both: Any, tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Craft(PARAMS).fit(model, both(24), Context())
    calls = 0

    def cancelled() -> bool:
        nonlocal calls
        calls += 1
        return calls > after

    try:
        Craft(PARAMS).fit(model, both(24), Context(checkpoint=tmp_path, cancelled=cancelled))
    except Cancelled:
        assert after < 400
    learned = []
    learn = ClassFit.learn
    monkeypatch.setattr(ClassFit, "learn", lambda self: learned.append(1) or learn(self))
    kept = len(list(tmp_path.glob("*.safetensors")))
    assert_same(Craft(PARAMS).fit(model, both(24), Context(checkpoint=tmp_path)), whole)
    assert len(learned) == 2 - kept


KILLED = """
import sys, time
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/.."]
from pathlib import Path
from conftest import Both, planted
from interp.context import Context
from interp_concept.craft.class_fit import ClassFit
from interp_concept.craft.method import Craft
from interp_concept.craft.params import CraftParams
learn = ClassFit.learn
def slowly(self):
    found = learn(self)
    time.sleep(float(sys.argv[4]))
    return found
ClassFit.learn = slowly
params = CraftParams(layer="act", concepts=3, images=12)
context = Context(seed=0, checkpoint=Path(sys.argv[2]))
Craft(params).fit(planted(), Both(24), context).save(Path(sys.argv[3]))
"""


@pytest.mark.slow
def test_killed_goes_on(tmp_path: Path) -> None:
    """SIGKILL between two classes, and the same command again: the same bank as without."""
    here = str(Path(__file__).parent)

    def command(kept: str, out: str, pause: float = 0) -> list[str]:
        places = [str(tmp_path / kept), str(tmp_path / out)]
        return [sys.executable, "-c", KILLED, here, *places, str(pause)]

    subprocess.run(command("a", "whole"), check=True, timeout=120)
    process = subprocess.Popen(command("b", "killed", 1.5))
    ended = time.monotonic() + 60
    while not list((tmp_path / "b").glob("*.safetensors")) and time.monotonic() < ended:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed").exists()
    assert len(list((tmp_path / "b").glob("*.safetensors"))) == 1
    subprocess.run(command("b", "again"), check=True, timeout=120)
    assert_same(Knowledge.open(tmp_path / "again"), Knowledge.open(tmp_path / "whole"))


def test_parts_merge_to_the_whole(model: ModelAdapter, both: Any) -> None:
    parts = [
        Craft(PARAMS).fit(model, both(24), Context(budget=Budget(shard=(at, 2)))) for at in (0, 1)
    ]
    whole = Craft(PARAMS).fit(model, both(24), Context())
    merged = Craft(PARAMS).merge(parts[::-1])
    assert_same(merged, whole)
    assert merged.about["classes"] == whole.about["classes"]
    assert merged.about["layers"] == whole.about["layers"]
    with pytest.raises(InputError, match="expected each of 0/n"):
        Craft(PARAMS).merge(parts[:1])
    other = Craft(PARAMS).fit(model, both(20), Context(budget=Budget(shard=(1, 2))))
    with pytest.raises(InputError, match="different"):
        Craft(PARAMS).merge([parts[0], other])
    with pytest.raises(InputError, match="part 0 of 2"):
        Craft(PARAMS).survey(model, both(4), parts[0], Context())
    with pytest.raises(InputError, match="use as many parts or fewer"):
        Craft(PARAMS).fit(model, both(24), Context(budget=Budget(shard=(2, 3))))


def test_an_exported_network_teaches_the_same(
    model: ModelAdapter, exported: ModelAdapter, both: Any
) -> None:
    exported.spec = exported.spec.model_copy(update={"classes": model.spec.classes})
    layer = exported.map_layer().name
    params = PARAMS.model_copy(update={"layer": layer})
    found = Craft(params).fit(exported, both(24), Context())
    assert_same(found, Craft(PARAMS).fit(model, both(24), Context()), 1e-3)
