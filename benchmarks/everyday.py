"""Every everyday job beside the peer one would pick instead, in turns: ratios of seconds.

python benchmarks/everyday.py [--peer NAME=VENV/bin/python ...] [--rounds N] [--models NAME ...]
    [--methods NAME ...] [--targets N ...] [--images N ...] [--samples N] [--passes N]
    [--out FILE] [--add]
Writes benchmarks/results/everyday.json, with --add the rows that are there too. Ours and each peer
live in processes of their own (everyday_run.py) that keep the model open and are asked one after
another: ours, the peer, ours, the peer. A case in which the peer needs more passes than --passes is
not run: its row says how many each side needs. A ratio is the peer's processor seconds over ours in
neighbouring runs; the median counts, and below 1 ours is slower. Ours is the whole call, from uint8
images to maps over these, with the prediction; a peer's is its map of encoded images, for one
target after another where it takes one.
Peers of the cases that are wanted need an environment each: python -m venv VENV;
VENV/bin/pip install torch torchvision onnxruntime and the peer: captum, grad-cam, torchcam, lime,
shap or dianna. Those that are not named are left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from channel_ablation import network
from everyday_run import STEPS
from record import DATA, RESULTS, record
from worker import Worker

RUN = Path(__file__).parent / "everyday_run.py"
SIZE, WINDOWS = 224, 169
"""Side of the image, and places of occlusion's square in it."""
PEERS: dict[str, dict[str, tuple[str, ...]]] = {
    "gradcam": {"pytorch-grad-cam": ("torch",), "torchcam": ("torch",)},
    "channel-ablation": {"pytorch-grad-cam": ("torch",)},
    "score-cam": {"pytorch-grad-cam": ("torch",), "torchcam": ("torch",)},
    "integrated-gradients": {"captum": ("torch",)},
    "occlusion": {"captum": ("torch", "pt2")},
    "rise": {"dianna": ("onnx",)},
    "lime": {"captum": ("torch", "pt2"), "lime": ("torch", "pt2", "onnx"), "dianna": ("onnx",)},
    "kernelshap": {"captum": ("torch", "pt2"), "shap": ("torch", "pt2", "onnx")},
}
"""Method -> its peers, and the forms of models that these take."""
MODELS = {
    "resnet50": "torch",
    "vit_b_16": "torch",
    "mobilenet_v2.onnx": "onnx",
    "mobilenet_v2.pt2": "pt2",
}
GRADIENT = ("gradcam", "integrated-gradients")
"""Methods that are tried on many images, too."""
CHANNELS = {"resnet50": 2048, "vit_b_16": 768}
"""Channels of the layer that is read, each of which an ablation and a Score-CAM ask about."""
TOGETHER = ("lime", "shap", "dianna")
"""Peers that answer all targets from the same passes; the others run again for each."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", nargs="+", default=[], help="NAME=python that has it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--methods", nargs="+", default=list(PEERS), choices=PEERS)
    parser.add_argument("--targets", type=int, nargs="+", default=[1, 5, 100])
    parser.add_argument("--images", type=int, nargs="+", default=[1, 64])
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--passes", type=int, default=2000)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--add", action="store_true", help="keep the rows that are there")
    given = parser.parse_args()
    kept = given.out or RESULTS / "everyday.json"
    pythons = dict(each.split("=", 1) for each in given.peer)
    found: dict[str, Any] = {
        "threads": torch.get_num_threads(),
        "samples": given.samples,
        "rounds": given.rounds,
        "unit": "peer's processor seconds over ours, median of neighbours",
        "rows": json.loads(kept.read_text())["rows"] if given.add else [],
    }
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        prepare(Path(folder), given.models, max(given.images))
        ours = stack.enter_context(Worker(sys.executable, RUN, folder))
        peers = {n: stack.enter_context(Worker(p, RUN, folder)) for n, p in pythons.items()}
        for case in cases(given, list(peers)):
            passes = {"ours passes": needed(case, True), "peer passes": needed(case, False)}
            if passes["peer passes"] > given.passes:
                found["rows"].append({**case, **passes, "not run": "too long"})
            else:
                row = compared(ours, peers[case["peer"]], case, given.rounds)
                found["rows"].append({**row, **passes})
            record("everyday", found, given.out)


def cases(given: argparse.Namespace, peers: list[str]) -> Iterator[dict[str, Any]]:
    """Every method, on every model that a peer at hand takes, for every number of targets."""
    for model in given.models:
        for method in given.methods:
            for peer in peers:
                if MODELS[model] not in PEERS[method].get(peer, ()):
                    continue
                if model == "vit_b_16" and peer == "torchcam":
                    continue  # takes maps, not tokens
                for targets in given.targets:
                    for images in given.images if method in GRADIENT and targets == 1 else (1,):
                        yield {
                            "method": method,
                            "model": model,
                            "form": MODELS[model],
                            "peer": peer,
                            "targets": targets,
                            "images": images,
                            "samples": given.samples,
                        }


def needed(case: dict[str, Any], ours: bool) -> int:
    """Forward passes of the whole network, or of what follows the layer, for one image each.

    Ours answer all targets from the same ones, but for the way back of gradients.
    """
    method, images, targets = case["method"], case["images"], case["targets"]
    repeated = 1 if ours or case["peer"] in TOGETHER else targets
    if method == "gradcam":
        return images * repeated
    if method == "integrated-gradients":
        return images * targets * STEPS
    if method in ("channel-ablation", "score-cam"):
        return CHANNELS[case["model"]] * repeated
    return (WINDOWS if method == "occlusion" else case["samples"]) * repeated


def compared(ours: Worker, peer: Worker, case: dict[str, Any], rounds: int) -> dict[str, Any]:
    """Both, in turns, and the median of the ratios of neighbours."""
    pairs = [(ours.ask({**case, "peer": None}), peer.ask(case)) for _ in range(rounds)]
    row = {key: value for key, value in case.items() if key != "samples"}
    for unit in ("cpu", "seconds"):
        row[f"ours {unit}"] = round(statistics.median(one[unit] for one, _ in pairs), 3)
        row[f"peer {unit}"] = round(statistics.median(other[unit] for _, other in pairs), 3)
        ratios = [other[unit] / one[unit] for one, other in pairs]
        row[f"ratio {unit}"] = round(statistics.median(ratios), 2)
    print(json.dumps(row), flush=True)
    return row


def prepare(place: Path, models: list[str], count: int) -> None:
    """The networks and the images, for all processes."""
    for name in models:
        if MODELS[name] == "torch":
            torch.save(network(name).state_dict(), place / f"{name}.pth")
        else:
            (place / name).symlink_to((DATA / "imagenet" / name).resolve())
    blobs = np.random.default_rng(0).integers(0, 256, (count, 9, 9, 3), np.uint8)
    images = [cv2.resize(each, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) for each in blobs]
    np.save(place / "images.npy", np.stack(images))


if __name__ == "__main__":
    main()
