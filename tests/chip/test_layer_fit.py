"""What is learned does not hang on interruptions, parts, batch sizes or when learning stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interp.context import Budget, Context
from interp.engine import respond
from interp.errors import Cancelled, InputError
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.target import Target
from interp_chip import experiment, layer_fit
from interp_chip.layer_fit import rounds
from interp_chip.method import Chip
from interp_chip.params import ChipParams

PARAMS = ChipParams(layer=("act",), correct=False, masks=600, sparsity=0.01)


def weights(knowledge: Knowledge) -> np.ndarray:
    return knowledge.arrays["act/weights"]


def assert_same(found: Knowledge, expected: Knowledge, tolerance: float = 1e-5) -> None:
    """Equal W, relative to the largest."""
    largest = np.abs(weights(expected)).max()
    assert np.abs(weights(found) - weights(expected)).max() <= tolerance * largest
    assert found.about["layers"]["act"]["networks"] == expected.about["layers"]["act"]["networks"]


@pytest.fixture
def fit(planted: ModelAdapter, noise: Any) -> Callable[..., Knowledge]:
    """fit(budget, context fields): CHIP on the planted network and twelve images."""

    def fitted(budget: Budget | None = None, **fields: Any) -> Knowledge:
        context = Context(budget=budget or Budget(batch_size=32), **fields)
        return Chip(PARAMS).fit(planted, noise(12), context)

    return fitted


def test_batch_sizes_agree(fit: Callable[..., Knowledge]) -> None:
    one = fit(Budget(batch_size=1, samples=260))
    assert_same(one, fit(Budget(batch_size=64, samples=260)))


@pytest.mark.parametrize("after", [3, 17, 30, 59])
def test_stopped_anywhere_goes_on(
    fit: Callable[..., Knowledge], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(layer_fit, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(experiment, "BLOCK", 1)
    whole = fit()
    calls = 0

    def cancelled() -> bool:
        nonlocal calls
        calls += 1
        return calls > after + 13

    with pytest.raises(Cancelled):
        fit(checkpoint=tmp_path, cancelled=cancelled)
    assert list(tmp_path.glob("*.safetensors"))
    asked = []
    ask = respond._ask
    monkeypatch.setattr(respond, "_ask", lambda *args: asked.append(1) or ask(*args))
    assert_same(fit(checkpoint=tmp_path), whole, 1e-9)
    assert len(asked) < 12 * 5


KILLED = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/.."]
from conftest import Noise, made
from pathlib import Path
from interp.context import Context
from interp_chip import experiment, layer_fit
from interp_chip.method import Chip
from interp_chip.params import ChipParams
layer_fit.SAVE_EVERY = 0.05
params = ChipParams(layer=("act",), correct=False, masks=20000, sparsity=0.01)
context = Context(seed=0, checkpoint=Path(sys.argv[2]))
Chip(params).fit(made(0), Noise(12), context).save(Path(sys.argv[3]))
"""


@pytest.mark.slow
def test_killed_goes_on(tmp_path: Path) -> None:
    """SIGKILL in the middle, and the same command again: the same W as without."""
    here = str(Path(__file__).parent)

    def command(kept: str, out: str) -> list[str]:
        return [sys.executable, "-c", KILLED, here, str(tmp_path / kept), str(tmp_path / out)]

    subprocess.run(command("a", "whole"), check=True)
    process = subprocess.Popen(command("b", "killed"))
    while not list((tmp_path / "b").glob("*.safetensors")):
        time.sleep(0.02)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed").exists()
    subprocess.run(command("b", "again"), check=True)
    assert_same(Knowledge.open(tmp_path / "again"), Knowledge.open(tmp_path / "whole"))


@pytest.mark.parametrize("count", [2, 3])
def test_parts_merge_to_the_whole(fit: Callable[..., Knowledge], count: int) -> None:
    parts = [fit(Budget(batch_size=32, shard=(at, count))) for at in range(count)]
    assert_same(Chip(PARAMS).merge(parts), fit(), 1e-9)
    with pytest.raises(InputError, match="expected each of 0/n"):
        Chip(PARAMS).merge(parts[:-1])
    with pytest.raises(InputError, match="expected each of 0/n"):
        Chip(PARAMS).merge([*parts[:-1], parts[0]])


def test_parts_of_different_work_do_not_merge(
    fit: Callable[..., Knowledge], planted: ModelAdapter, noise: Any
) -> None:
    first = fit(Budget(shard=(0, 2)))
    for other in (
        Chip(PARAMS).fit(planted, noise(8), Context(budget=Budget(shard=(1, 2)))),
        Chip(PARAMS).fit(planted, noise(12), Context(seed=1, budget=Budget(shard=(1, 2)))),
        Chip(PARAMS.model_copy(update={"output": "logprob"})).fit(
            planted, noise(12), Context(budget=Budget(shard=(1, 2)))
        ),
    ):
        with pytest.raises(InputError, match="different"):
            Chip(PARAMS).merge([first, other])


def test_a_part_explains_nothing(fit: Callable[..., Knowledge], planted: ModelAdapter) -> None:
    part = fit(Budget(shard=(0, 2)))
    image = np.zeros((24, 24, 3), np.uint8)
    with pytest.raises(InputError, match="part 0 of 2"):
        Chip(PARAMS).explain(planted, [image], [Target(0, "ant")], part, Context())


def test_rounds() -> None:
    assert list(rounds(5, doubling=False)) == [5]
    assert list(rounds(9, doubling=True)) == [2, 4, 8, 9]
    assert list(rounds(1, doubling=True)) == [1]


def test_stops_when_settled(planted: ModelAdapter, noise: Any) -> None:
    params = PARAMS.model_copy(update={"masks": 20_000})
    context = Context(budget=Budget(until="stable"))
    found = Chip(params).fit(planted, noise(12), context)
    about = found.about["layers"]["act"]
    assert about["masks"] < 20_000
    assert about["changes"][-1] <= params.settled
    assert all(each > params.settled for each in about["changes"][:-1])


def test_a_time_budget_keeps_what_is_whole(planted: ModelAdapter, noise: Any) -> None:
    params = PARAMS.model_copy(update={"masks": 1_000_000})
    context = replace(Context(budget=Budget(seconds=1.5)), started=time.monotonic())
    found = Chip(params).fit(planted, noise(12), context)
    about = found.about["layers"]["act"]
    assert 0 < about["masks"] < 1_000_000
    assert about["networks"] == about["masks"] * about["images"]
    assert any("the time budget ended" in note for note in found.about["notes"])
    assert np.isfinite(weights(found)).all() and weights(found).any()


@pytest.mark.slow
def test_memory_is_flat(tmp_path: Path) -> None:
    """Peak memory of 10^4 and of 10^6 perturbed networks, each in a process of its own."""
    code = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/.."]
from conftest import Noise, made
from interp.context import Context
from interp_chip.method import Chip
from interp_chip.params import ChipParams
params = ChipParams(layer=("act",), correct=False, masks=int(sys.argv[2]), sparsity=0.01)
Chip(params).fit(made(0), Noise(20), Context())
status = open("/proc/self/status").read()
print(status.split("VmHWM:")[1].split()[0])
"""
    here = str(Path(__file__).parent)
    peaks = []
    for masks in ("500", "50000"):
        done = subprocess.run(
            [sys.executable, "-c", code, here, masks], check=True, capture_output=True, text=True
        )
        peaks.append(int(done.stdout))
    assert peaks[1] < 1.05 * peaks[0]
