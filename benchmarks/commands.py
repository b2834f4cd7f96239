"""Where the processor seconds of whole commands go, from the start of Python to its end.

python benchmarks/commands.py [--rounds N] [--commands NAME ...] [--out FILE]
Writes benchmarks/results/commands.json: of each command the processor seconds in all and by part,
each the median of the rounds, which go through the commands in turn. The parts, by looking at the
stack of calls (commands_run.py): `import torch` and `imports` of all else, `opening` the model with
its layers and cuts (and the passes that these need), `passes` through the network, `solving` (what
else a method does: masks, compositing, sums, fits, segments), `drawing` pictures and reports,
`writing` files, and the `rest`, such as reading images and what Python itself does at its start and
end. One thread. Photographs and networks of ImageNet come from BENCHMARK_DATA; without them, those
two commands are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from record import DATA, record

CHILD = Path(__file__).parent / "commands_run.py"
PARTS = ("import torch", "imports", "opening", "passes", "solving", "drawing", "writing", "rest")
PHOTO, IMAGENET = str(DATA / "photos" / "puppies.jpg"), DATA / "imagenet"
GRADCAM = "run --plugin gradcam --image {photo} --out {out} --model"
COMMANDS = {
    "list": "list",
    "layers": "layers --model creatures-vgg",
    "predict": "predict --model creatures-vgg",
    "gradcam, mobilenet_v2.onnx": f"{GRADCAM} {{models}}/mobilenet_v2.onnx",
    "gradcam, mobilenet_v2.pt2": f"{GRADCAM} {{models}}/mobilenet_v2.pt2",
    "mint": "run --plugin mint --out {out}",
    "rise": "run --plugin rise --out {out}",
    "compare": "compare --plugins gradcam,integrated-gradients,occlusion --out {out}",
    "evaluate": "evaluate --plugins gradcam,centre --metrics deletion --data creatures --limit 10 "
    "--out {out}",
    "suggest": "suggest",
    "show": "show gradcam",
}
"""The commands; --out and files are filled in."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--commands", nargs="+", default=list(COMMANDS), choices=COMMANDS)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    there = (IMAGENET / "mobilenet_v2.onnx").is_file()
    wanted = [each for each in given.commands if there or "{models}" not in COMMANDS[each]]
    found: dict[str, list[dict[str, float]]] = {each: [] for each in wanted}
    for _ in range(given.rounds):
        for each in wanted:
            found[each].append(seconds(each))
            print(each, found[each][-1], flush=True)
    record("commands", {"rounds": given.rounds, "commands": _rows(found)}, given.out)


def seconds(name: str) -> dict[str, float]:
    """The processor seconds of a command, by part."""
    with tempfile.TemporaryDirectory() as folder:
        parts, out = Path(folder) / "parts.json", Path(folder) / "out"
        texts = {"photo": PHOTO, "models": IMAGENET, "out": out}
        arguments = [each.format(**texts) for each in COMMANDS[name].split()]
        command = [sys.executable, str(CHILD), str(parts), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        if done.returncode:
            raise SystemExit(f"{name}: {done.stderr}")
        measured: dict[str, float] = json.loads(parts.read_text())
        return measured


def _rows(found: dict[str, list[dict[str, float]]]) -> list[dict[str, Any]]:
    """A row for each command: the median of its seconds in all, and of each part."""
    return [
        {
            "command": f"interp {COMMANDS[name]}",
            "seconds": _median([sum(each.values()) for each in rounds]),
            **{part: _median([each.get(part, 0.0) for each in rounds]) for part in PARTS},
        }
        for name, rounds in found.items()
    ]


def _median(values: list[float]) -> float:
    return round(statistics.median(values), 2)


if __name__ == "__main__":
    main()
