"""One run of black_box.py, in a process of its own: prints its measurements as a line of JSON.

python black_box_run.py CASE FOLDER
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TRIAL = 64
"""Samples by which a peer's fastest batch size is found."""


def main(case: dict[str, Any], place: Path) -> None:
    explain = {"captum": captum, "dianna": dianna}.get(case["system"], ours)(case, place)
    begun, busy = time.perf_counter(), time.process_time()
    samples = explain()
    seconds, busy = time.perf_counter() - begun, time.process_time() - busy
    # Not getrusage's ru_maxrss: a child inherits its parent's.
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    found = {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(busy, 2),
        "evaluated": samples,
        "peak_mb": round(peak),
    }
    if case.get("batch") == "best":
        found["fastest batch"] = case["chosen"]
    print(json.dumps(found))


def ours(case: dict[str, Any], place: Path) -> Callable[[], int]:
    """Our method, on PyTorch or on ONNX."""
    from interp.context import Budget
    from interp.opening.source import open_model
    from interp.registry import Registry
    from interp.request import Request
    from interp.run import run
    from interp.spec import ModelOptions

    options = ModelOptions(device="cpu", input={"size": (224, 224), "mean": MEAN, "std": STD})
    onnx = case["system"] == "ours-onnx"
    model = open_model(
        str(place / "model.onnx") if onnx else network(place), options, Registry.load()
    )
    image = np.load(place / "image.npy")
    params = {
        "lime": {"fill": "mean"},
        "occlusion": {"window": 32 / 224, "stride": 0.5},
        "rise": {},
    }[case["method"]]
    request = Request(
        method=case["method"],
        params=params,
        targets=tuple(map(str, case["classes"])),
        budget=Budget(samples=case["samples"]),
    )
    model.predict(model.prepare(image)[0][None])

    def explain() -> int:
        return run(request, model=model, images=[image]).explanation.samples

    return explain


def captum(case: dict[str, Any], place: Path) -> Callable[[], int]:
    """Captum's Lime or Occlusion, one call for each class, as it is made to be used."""
    import torch
    from captum.attr import Lime, Occlusion

    module = network(place)
    image = torch.from_numpy(np.load(place / "image.npy").transpose(2, 0, 1)[None] / 255.0)
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (MEAN, STD))
    pixels = ((image.float() - mean) / std).contiguous()
    labels = torch.from_numpy(np.load(place / "labels.npy"))[None, None]
    passes = [0]

    def forward(images: torch.Tensor) -> torch.Tensor:
        passes[0] += len(images)
        with torch.no_grad():
            return module(images)

    def attribute(target: int, samples: int, batch: int | None) -> None:
        given = {"target": target} | ({"perturbations_per_eval": batch} if batch else {})
        if case["method"] == "lime":
            Lime(forward).attribute(pixels, feature_mask=labels, n_samples=samples, **given)
        else:
            side, step = 32, 16 if samples == case["samples"] else 32
            Occlusion(forward).attribute(
                pixels, sliding_window_shapes=(3, side, side), strides=(3, step, step), **given
            )

    forward(pixels)
    if case["batch"] == "best":
        speed = {each: _speed(attribute, case["classes"][0], each) for each in case["batches"]}
        case["chosen"] = max(speed, key=speed.__getitem__)

    def explain() -> int:
        passes[0] = 0
        for target in case["classes"]:
            attribute(target, case["samples"], case.get("chosen"))
        return passes[0]

    return explain


def _speed(attribute: Callable[..., None], target: int, batch: int) -> float:
    begun = time.perf_counter()
    attribute(target, TRIAL, batch)
    return 1 / (time.perf_counter() - begun)


def dianna(case: dict[str, Any], place: Path) -> Callable[[], int]:
    """DIANNA's RISE or LIME on the ONNX file, all classes in one call, its own defaults."""
    import dianna as peer
    import onnxruntime

    image = np.load(place / "image.npy").astype(np.float32).transpose(2, 0, 1) / 255
    mean, std = (np.reshape(each, (3, 1, 1)) for each in (MEAN, STD))
    passes = [0]
    plain = onnxruntime.InferenceSession.run

    def counted(self: Any, names: Any, feed: dict[str, np.ndarray], *rest: Any) -> Any:
        passes[0] += len(next(iter(feed.values())))
        return plain(self, names, feed, *rest)

    onnxruntime.InferenceSession.run = counted
    given = {"rise": {"n_masks": case["samples"]}, "lime": {"num_samples": case["samples"]}}

    def normalised(images: np.ndarray) -> np.ndarray:
        return ((images - mean) / std).astype(np.float32)

    def explain() -> int:
        passes[0] = 0
        peer.explain_image(
            str(place / "model.onnx"),
            image,
            method=case["method"].upper(),
            labels=case["classes"],
            axis_labels={0: "channels"},
            preprocess_function=normalised,
            **given[case["method"]],
        )
        return passes[0]

    return explain


def network(place: Path) -> Any:
    import torch
    import torchvision

    module = torchvision.models.resnet50(weights=None)
    module.load_state_dict(torch.load(place / "weights.pth", weights_only=True))
    return module.eval()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), Path(sys.argv[2]))
