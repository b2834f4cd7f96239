"""MINT's peak memory does not grow with the number of samples."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from interp.context import Budget, Context
from interp.target import Target
from interp.testing import ToyModel
from interp_mint.method import Mint
from interp_mint.params import MintParams

image = np.random.default_rng(0).integers(0, 256, (96, 96, 3)).astype(np.uint8)
image[20:60, 30:70] = (220, 60, 40)
context = Context(budget=Budget(samples=int(sys.argv[1]), batch_size=20))
Mint(MintParams()).explain(ToyModel(size=96), [image], [Target(0, "ant")], None, context)
status = Path("/proc/self/status").read_text()  # ru_maxrss would begin at the parent's
print(status.partition("VmHWM:")[2].split()[0])
"""


def peak(samples: int) -> int:
    command = [sys.executable, "-c", SCRIPT, str(samples)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
def test_ten_times_the_samples_take_no_more_memory() -> None:
    peak(200)  # compiles what is imported
    few, many = peak(1_000), peak(10_000)
    assert abs(many / few - 1) <= 0.05, f"{few} kB, {many} kB"
