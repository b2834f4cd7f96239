"""What Ray costs with one worker, and what a second worker saves, by the clock of whole commands.

python benchmarks/workers.py [--rounds N] [--python PYTHON]
Writes benchmarks/results/workers.json. Each command runs without Ray, with one and with two
workers, one thread each (OMP_NUM_THREADS=1), in turns; once as a small job and once as a large one
of over a minute. The difference of the two is the work without the start of the command, of Ray and
of its workers. PYTHON is of an environment with interp[cluster]. The machine has to be quiet:
processor time would not show what waits.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from record import record

COMMANDS = {
    "run --data, RISE": (
        "run --plugin rise --model creatures-vgg --data FOLDER --no-pictures",
        "--limit {}",
        (2, 16),
    ),
    "fit, CHIP": (
        "fit --plugin chip --model creatures-resnet --data creatures --layer stage3.0 --images 16",
        "--masks {}",
        (200, 1800),
    ),
}
WORKERS = (0, 1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--python", default=sys.executable)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        images = str(Path(place) / "creatures")
        subprocess.run(
            [
                arguments.python,
                "-m",
                "interp",
                "data",
                "creatures",
                "--out",
                images,
                "--count",
                "20",
            ],
            check=True,
        )
        record("workers", measured(arguments.python, arguments.rounds, images))


def measured(python: str, count: int, images: str) -> dict[str, object]:
    """What is recorded of each command."""
    found = {}
    for name, (command, size, sizes) in COMMANDS.items():
        rounds = [
            {
                workers: [
                    seconds(python, command.replace("FOLDER", images), size, of, workers)
                    for of in sizes
                ]
                for workers in WORKERS
            }
            for _ in range(count)
        ]
        found[name] = {"command": command, "sizes": sizes, **compared(rounds)}
        print(name, found[name])
    return found


def seconds(python: str, command: str, size: str, of: int, workers: int) -> float:
    """Of a whole command, by the clock."""
    with tempfile.TemporaryDirectory() as place:
        words = [*command.split(), *size.format(of).split(), "--out", str(Path(place) / "out")]
        if workers:
            words += ["--workers", str(workers)]
        begun = time.perf_counter()
        done = subprocess.run(
            [python, "-m", "interp", *words],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"interp {' '.join(words)}: {done.stderr[-2000:]}")
        return time.perf_counter() - begun


def compared(rounds: list[dict[int, list[float]]]) -> dict[str, object]:
    """Medians over the rounds of what the larger job took beyond the smaller one."""
    work = {
        workers: [large - small for small, large in (one[workers] for one in rounds)]
        for workers in WORKERS
    }
    return {
        "without_ray_s": statistics.median(work[0]),
        "overhead_of_one_worker": statistics.median(
            one / none - 1 for none, one in zip(work[0], work[1], strict=True)
        ),
        "speed_up_of_two_workers": statistics.median(
            one / two for one, two in zip(work[1], work[2], strict=True)
        ),
        "seconds": rounds,
    }


if __name__ == "__main__":
    main()
