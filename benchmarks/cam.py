"""The CAM family on resnet50: ours beside pytorch-grad-cam's and TorchCAM's, in turns.

python benchmarks/cam.py --peers VENV/bin/python [--repeats N --images 1 64 --only NAME ...]
Writes benchmarks/results/cam.json. Ours and the peers each live in a process of their own
(cam_run.py) that keeps the model open, and are asked one after another: ours, a peer, ours, a
peer. Ratios are of neighbouring runs, a peer's seconds over ours; their median counts. The class is
given. Ours is the whole call, from uint8 images to maps over these, the model's own prediction
included, and the method alone; a peer's is encoding, its forward pass and its map. Peers
run as their documentation shows, and frozen: with gradients recorded from the layer on only.
Each gets the batch size that was fastest. The peers need an environment of their own: python -m
venv VENV; VENV/bin/pip install torch torchvision grad-cam==1.5.7 torchcam==0.5.0.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from channel_ablation import network
from record import record
from worker import Worker

RUN = Path(__file__).parent / "cam_run.py"
SIZE = 224
METHODS = (
    "gradcam", "gradcam-plusplus", "xgradcam", "hirescam", "layercam", "eigencam", "finercam",
)  # fmt: skip
PEERS = {
    "pytorch-grad-cam": METHODS,
    "torchcam": ("gradcam", "gradcam-plusplus", "xgradcam", "layercam", "finercam"),
}
SETTINGS = ("as documented", "frozen")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, required=True, help="python that has the peers")
    parser.add_argument("--repeats", type=int, default=3, help="of one image, five times as many")
    parser.add_argument("--images", type=int, nargs="+", default=[1, 64])
    parser.add_argument("--only", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    found: dict[str, Any] = {
        "threads": torch.get_num_threads(),
        "model": "resnet50, random weights, batch norms settled on noise, layer4",
        "repeats": arguments.repeats,
        "runs": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), max(arguments.images))
        with (
            Worker(sys.executable, RUN, folder) as ours,
            Worker(arguments.peers, RUN, folder) as peers,
        ):
            found["batch sizes"] = peers.ask({"ask": "batch sizes"})
            for count in arguments.images:
                for method in arguments.only:
                    repeats = arguments.repeats * (5 if count == 1 else 1)
                    found["runs"] += compared(ours, peers, method, count, repeats)
                    record("cam", found, arguments.out)


def compared(
    ours: Worker, peers: Worker, method: str, count: int, repeats: int
) -> list[dict[str, Any]]:
    """Our two ways and every peer's way of one method, in turns."""
    case = {"ask": "run", "method": method, "images": count}
    ways = [(p, s) for p, methods in PEERS.items() if method in methods for s in SETTINGS]
    rows = []
    for peer, setting in ways:
        given = {**case, "peer": peer, "setting": setting}
        whole, alone, theirs = [], [], []
        for _ in range(repeats):
            whole.append(ours.ask({**case, "way": "whole call"}))
            theirs.append(peers.ask(given))
            alone.append(ours.ask({**case, "way": "method alone"}))
        rows.append(
            {"method": method, "images": count, "peer": peer, "setting": setting}
            | {f"peer {unit}": median(theirs, unit) for unit in ("seconds", "cpu")}
            | row("whole call", whole, theirs)
            | row("method alone", alone, theirs)
        )
        print(json.dumps(rows[-1]), flush=True)
    return rows


def median(runs: list[dict[str, float]], unit: str) -> float:
    return round(statistics.median(each[unit] for each in runs), 3)


def row(way: str, ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> dict[str, float]:
    """Our median, and the median of the ratios of neighbours, by the clock and by CPU time."""
    found: dict[str, float] = {}
    for unit in ("seconds", "cpu"):
        ratios = [b[unit] / a[unit] for a, b in zip(ours, theirs, strict=True)]
        found[f"{way} {unit}"] = median(ours, unit)
        found[f"{way} ratio {unit}"] = round(statistics.median(ratios), 2)
    return found


def prepare(place: Path, count: int) -> None:
    """The network's weights and the images, for both processes."""
    torch.save(network("resnet50").state_dict(), place / "weights.pth")
    blobs = np.random.default_rng(0).integers(0, 256, (count, 9, 9, 3), np.uint8)
    images = [cv2.resize(each, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) for each in blobs]
    np.save(place / "images.npy", np.stack(images))


if __name__ == "__main__":
    main()
