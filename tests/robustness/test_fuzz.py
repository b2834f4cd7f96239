"""Whatever is in a file or on the command line, the answer is a result or one line of error.

    python -m pytest tests/robustness/test_fuzz.py -s             # 200 cases, and their figures
    python -m pytest tests/robustness/test_fuzz.py -s -m slow     # 5,000

Each case that fails stays in a folder with the command that repeats it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, seed, settings
from safetensors.torch import save_file
from support.networks import pooled_net

from interp.registry import Registry
from robustness import data_folder, image_file, onnx_file, saved_folder
from robustness.runner import SECONDS, Case, Fuzzer, Outcome, faults, fuzzer
from robustness.text import Make, strategies

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
MATERIALS = (
    "run --plugin rise --budget 60 --model model.onnx --out bundle",
    "compare --plugins gradcam,rise --budget 50 --model ../model.onnx --out ../comparison",
    "data creatures --count 4 --out data",
    "evaluate --plugins centre,edges --metrics pointing --limit 4 --shard 0/2 --out part0",
    "evaluate --plugins centre,edges --metrics pointing --limit 4 --shard 1/2 --out part1",
)
"""Commands that make what is then damaged."""
FILES = {**image_file.CASES, **onnx_file.CASES, **saved_folder.CASES, **data_folder.CASES}
TYPED = strategies(Registry.load())
SHARES = {
    "image": 0.16,
    "onnx": 0.16,
    "weights": 0.06,
    "trained": 0.05,
    "knowledge": 0.05,
    "bundle": 0.06,
    "comparison": 0.05,
    "part": 0.03,
    "coco": 0.08,
    "classes": 0.03,
    "names": 0.02,
    "method": 0.09,
    "metric": 0.04,
    "readout": 0.03,
    "target": 0.03,
    "option": 0.04,
    "registry": 0.02,
}
"""Share of each kind among the cases."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, data, weights, and results of every kind."""
    folder = tmp_path_factory.mktemp("fuzz")
    onnx_file.write_plain(folder / "model.onnx")
    weights = pooled_net().state_dict()
    save_file(weights, folder / "net.safetensors")
    torch.save(weights, folder / "net.pth")
    (folder / "made").mkdir()
    with fuzzer(folder) as made:
        for line in MATERIALS:
            where = "made" if "../" in line else "."
            found = made.server.ask({"words": line.split(), "folder": str(folder / where)})
            assert found.code == 0, found.err
    return folder


@pytest.fixture
def runs(place: Path) -> Iterator[Fuzzer]:
    """A fuzzer, whose figures are printed at the end."""
    with fuzzer(place) as fuzzing:
        yield fuzzing
    sys.stdout.write(f"\n{fuzzing.table()}\n")


def fuzz(runs: Fuzzer, count: int) -> list[str]:
    """What failed among about `count` cases, by the shares of their kinds."""
    for kind, share in SHARES.items():
        number = max(1, round(share * count))
        if kind in FILES:
            for each in range(number):
                runs.try_case(kind, each, partial(_damaged, kind, each))
        else:
            _typed(runs, kind, number)
    return [each for row in runs.rows.values() for each in row.failures]


def _damaged(kind: str, number: int, folder: Path) -> Case:
    return FILES[kind](folder, Random(f"{kind}-{number}"))


def _typed(runs: Fuzzer, kind: str, count: int) -> None:
    @seed(0)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(TYPED[kind])
    def try_one(make: Make) -> None:
        runs.try_case(kind, runs.count(kind), make)

    try_one()


def test_200_cases(runs):
    assert fuzz(runs, 200) == []


@pytest.mark.slow
def test_5000_cases(runs):
    assert fuzz(runs, 5000) == []


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (Outcome(2, False, 0.1, 0, "", "error: found 1, expected 2\n"), []),
        (Outcome(0, False, 0.1, 0, "fine\n", ""), []),
        (Outcome(None, True, 31, 0, "", ""), [f"still running after {SECONDS} s"]),
        (Outcome(None, False, 1, 0, "", ""), ["killed by a signal"]),
        (Outcome(2, False, 1, 3 << 30, "", "error: expected 2\n"), ["3.2 GB of memory"]),
        (Outcome(1, False, 1, 0, "", "error: X: expected 2\n"), ["exit code 1"]),
        (Outcome(2, False, 1, 0, "", "error: 'x'\n"), ["no remedy"]),
        (Outcome(2, False, 1, 0, "", "w\nerror: expected 2\n"), ["2 lines of error"]),
        (Outcome(0, False, 1, 0, "", "TIFF: unknown tag\n"), ["words on stderr"]),
    ],
)
def test_faults_are_noticed(found, wrong):
    assert list(faults(Case(("list",)), found)) == wrong


def test_a_success_on_what_is_broken_is_noticed():
    fine = Outcome(0, False, 0.1, 0, "", "")
    assert list(faults(Case(("list",), broken=True), fine)) == ["success on what is broken"]
    assert list(faults(Case(("list",), told="left out"), fine)) == ["nothing said of 'left out'"]


def test_what_takes_too_long_is_ended(place):
    with fuzzer(place) as fuzzing:
        words = ["data", "creatures", "--count", "1000000", "--out", "long"]
        found = fuzzing.server.ask({"words": words, "folder": str(place), "limit": 1})
    assert found.hung and found.code is None
    assert 1 <= found.seconds < SECONDS
