"""Answers the cases of cam.py, one line of JSON each, with the model kept open.

python cam_run.py FOLDER < CASES
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLASS, LAYER = 207, "layer4"
BATCHES, TRIAL = (4, 8, 16, 32), 32
"""Batch sizes that are tried for the peers, each on so many images."""
CLASSES = {
    "gradcam": ("GradCAM", "GradCAM"),
    "gradcam-plusplus": ("GradCAMPlusPlus", "GradCAMpp"),
    "xgradcam": ("XGradCAM", "XGradCAM"),
    "hirescam": ("HiResCAM", ""),
    "layercam": ("LayerCAM", "LayerCAM"),
    "eigencam": ("EigenCAM", ""),
    "finercam": ("FinerCAM", "FinerCAM"),
}
"""Method -> its class in pytorch-grad-cam and in TorchCAM."""
BEST: dict[tuple[str, str], int] = {}
"""A peer and its setting -> its fastest batch size."""


def main(place: Path) -> None:
    images = np.load(place / "images.npy")
    for line in sys.stdin:
        case = json.loads(line)
        answer = (
            batch_sizes(place, images)
            if case["ask"] == "batch sizes"
            else run(case, place, images[: case["images"]])
        )
        print(json.dumps(answer), flush=True)


def run(case: dict[str, Any], place: Path, images: np.ndarray) -> dict[str, float]:
    """Seconds of explaining the images, by the clock and of this process's CPU time."""
    kind = peer if "peer" in case else ours
    explain = kind(case, place, images)
    if len(images) == 1:
        explain()  # warms up
    begun, busy = time.perf_counter(), time.process_time()
    explain()
    return {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - busy}


@cache
def network(place: Path) -> nn.Module:
    import torchvision

    module = torchvision.models.resnet50(weights=None)
    module.load_state_dict(torch.load(place / "weights.pth", weights_only=True))
    return module.eval()


@cache
def our_session(place: Path) -> Any:
    from interp.opening.source import open_model
    from interp.registry import Registry
    from interp.session import Session
    from interp.spec import ModelOptions

    options = ModelOptions(device="cpu", input={"size": (224, 224), "mean": MEAN, "std": STD})
    registry = Registry.load()
    model = open_model(network(place), options, registry)
    model.cut(LAYER)
    return Session(registry, model)


def ours(case: dict[str, Any], place: Path, images: np.ndarray) -> Callable[[], object]:
    """The whole call, or the method alone."""
    from interp.opening.named import open_method
    from interp.request import Request
    from interp.run import run as run_request
    from interp.target import Target

    session, listed = our_session(place), list(images)
    if case["way"] == "whole call":
        params = {"layer": LAYER}
        request = Request(method=case["method"], params=params, targets=(str(CLASS),))
        return lambda: run_request(request, session, images=listed)
    method = open_method(session.registry, case["method"], {"layer": LAYER})
    context = session.context(0, Request(method=case["method"]).budget)
    targets = [Target(CLASS, str(CLASS))]
    return lambda: method.explain(session.model, listed, targets, None, context)


def peer(case: dict[str, Any], place: Path, images: np.ndarray) -> Callable[[], object]:
    """A peer's maps of all images, in batches."""
    batch = min(len(images), BEST.get((case["peer"], case["setting"]), 16))
    explain = {"pytorch-grad-cam": grad_cam, "torchcam": torch_cam}[case["peer"]]
    module = settled(place, case["setting"])
    mean, std = (torch.tensor(each)[:, None, None] for each in (MEAN, STD))

    def maps() -> object:
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()  # channels last, as ours
        encoded = pixels.div_(255).sub_(mean).div_(std)
        return [explain(module, case["method"], each) for each in encoded.split(batch)]

    return maps


def settled(place: Path, setting: str) -> nn.Module:
    """The network; frozen: nothing is recorded before the layer's last normalisation."""
    module = network(place).requires_grad_(setting != "frozen")
    if setting == "frozen":
        module.get_submodule(LAYER)[-1].bn3.requires_grad_(True)
    return module


def grad_cam(module: nn.Module, method: str, encoded: Tensor) -> object:
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    kind = getattr(pytorch_grad_cam, CLASSES[method][0])
    layer = module.get_submodule(LAYER)[-1]
    with kind(model=module, target_layers=[layer]) as cam:
        if method == "finercam":
            return cam(encoded, target_idx=CLASS)
        return cam(encoded, [ClassifierOutputTarget(CLASS)] * len(encoded))


def torch_cam(module: nn.Module, method: str, encoded: Tensor) -> object:
    from torchcam import methods

    with getattr(methods, CLASSES[method][1])(module, LAYER) as cam:
        return cam([CLASS] * len(encoded), module(encoded))


def batch_sizes(place: Path, images: np.ndarray) -> dict[str, int]:
    """Find each peer's fastest batch size in each setting, by Grad-CAM on a few images."""
    for name in ("pytorch-grad-cam", "torchcam") if len(images) > 1 else ():
        for setting in ("as documented", "frozen"):
            speed = {}
            for size in BATCHES:
                BEST[name, setting] = size
                case = {"peer": name, "setting": setting, "method": "gradcam"}
                speed[size] = run(case, place, images[:TRIAL])["cpu"]
            BEST[name, setting] = min(speed, key=speed.__getitem__)
    return {f"{name}, {setting}": size for (name, setting), size in BEST.items()}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
