"""RISE, LIME and occlusion on resnet50: ours against Captum's and, on ONNX, DIANNA's.

python benchmarks/black_box.py --dianna VENV/bin/python [--only NAME ...]
Writes benchmarks/results/black_box.json. Every run is a process of its own (black_box_run.py), one
after another; seconds are those of the explanation alone, after the model was opened and warmed
up, memory is the process's peak. Captum runs with its defaults and with its fastest batch size.
DIANNA needs an environment of its own: python -m venv VENV; VENV/bin/pip install dianna.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from channel_ablation import network
from record import record

HERE = Path(__file__).parent
SIZE = 224
CLASSES = [207, 11, 301, 555, 908]
MASKS = {"occlusion": 169, "lime": 1000, "rise": 4000}
BATCHES = (1, 8, 16, 32)
TIMES = ("seconds", "cpu_seconds")
FEWER = 1000
"""Masks of the second run of RISE, whose memory should be that of the first."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dianna", type=Path, help="python of an environment that has DIANNA")
    parser.add_argument("--only", nargs="+", help="systems to run: ours, captum, ours-onnx, dianna")
    arguments = parser.parse_args()
    found: dict[str, Any] = {
        "threads": torch.get_num_threads(),
        "model": "resnet50, random weights, batch norms settled on noise",
        "image": f"{SIZE} x {SIZE} blobs of colour",
        "runs": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        prepare(place)
        for case in cases(arguments):
            python = arguments.dianna if case["system"] == "dianna" else sys.executable
            found["runs"].append(case | measured(python, case, place))
            found["ratios"] = ratios(found["runs"])
            record("black_box", found)


def cases(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Every run that is wanted, peers beside ours."""
    peers = ["dianna"] if arguments.dianna else []
    wanted = arguments.only or ["ours", "captum", "ours-onnx", *peers]
    listed: list[dict[str, Any]] = []
    for method, count in MASKS.items():
        for classes in (1, 5):
            case = {"method": method, "samples": count, "classes": CLASSES[:classes]}
            for system in wanted:
                if system == "captum" and method != "rise":
                    listed.append(case | {"system": system, "batch": "default"})
                    if classes == 1:  # for five it is five times that
                        listed.append(case | {"system": system, "batch": "best"})
                elif system != "captum" and not (system == "dianna" and method == "occlusion"):
                    listed.append(case | {"system": system})
    if "ours" in wanted:
        listed.append({"method": "rise", "samples": FEWER, "classes": CLASSES, "system": "ours"})
    if "dianna" in wanted and arguments.dianna is None:
        raise SystemExit("name DIANNA's environment with --dianna, or leave it out with --only")
    return listed


def measured(python: Path | str, case: dict[str, Any], place: Path) -> dict[str, Any]:
    """The measurements of a case, from a process of its own."""
    given = json.dumps(case | {"batches": BATCHES})
    command = [str(python), str(HERE / "black_box_run.py"), given, str(place)]
    environment = os.environ | {"TQDM_DISABLE": "1"}
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    if run.returncode:
        raise SystemExit(f"{case} failed:\n{run.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return answer


def prepare(place: Path) -> None:
    """The network as weights and as ONNX, the image and its super-pixels, for every process."""
    from skimage.segmentation import slic

    from interp.spec import ModelOptions
    from interp_torch.opening import open_model

    module = network("resnet50")
    torch.save(module.state_dict(), place / "weights.pth")
    blobs = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    image = cv2.resize(blobs, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    np.save(place / "image.npy", image)
    np.save(place / "labels.npy", slic(image / 255, 50, 10, sigma=1, start_label=0))
    open_model(module, ModelOptions(device="cpu")).export(place / "model.onnx")


def ratios(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A peer's seconds over ours, on the same framework, samples and classes."""
    by_case = {
        (run["system"], run["method"], run["samples"], len(run["classes"])): run for run in runs
    }
    found = []
    for run in runs:
        own = {"captum": "ours", "dianna": "ours-onnx"}.get(run["system"])
        key = (own, run["method"], run["samples"], len(run["classes"]))
        if key in by_case:
            peer = f"{run['system']} {run.get('batch', '')}".strip()
            found.append(
                {"method": key[1], "classes": key[3], "peer": peer}
                | {f"{each} over ours": round(run[each] / by_case[key][each], 2) for each in TIMES}
            )
    return found


if __name__ == "__main__":
    main()
