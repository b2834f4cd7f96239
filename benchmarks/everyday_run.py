"""Answers the cases of everyday.py, one line of JSON each, with the model kept open.

python everyday_run.py FOLDER < CASES
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

os.environ["TQDM_DISABLE"] = "1"

import numpy as np
import torch
from torch import Tensor, nn

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LAYERS = {"resnet50": "layer4", "vit_b_16": "encoder.layers.encoder_layer_11.ln_1"}
BATCH, STEPS = 16, 50
"""Images, or samples, that a peer runs at once; steps of integrated gradients."""
SUPERPIXELS = 50
WINDOW, STEP = 32, 16
"""Sides of occlusion's square and of its steps, in pixels."""


def main(place: Path) -> None:
    images = np.load(place / "images.npy")
    for line in sys.stdin:
        case = json.loads(line)
        with redirect_stdout(sys.stderr):  # what peers print is no answer
            make = ours if case["peer"] is None else PEERS[case["peer"]]
            answer = timed(make(case, place, images[: case["images"]]), case["images"] == 1)
        print(json.dumps(answer), flush=True)


def timed(explain: Callable[[], object], warm: bool) -> dict[str, float]:
    """Seconds of a call, by the clock and of this process's processor time."""
    if warm:
        explain()
    begun, busy = time.perf_counter(), time.process_time()
    explain()
    return {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - busy}


def ours(case: dict[str, Any], place: Path, images: np.ndarray) -> Callable[[], object]:
    """The whole call on all images and targets."""
    from interp.context import Budget
    from interp.request import Request
    from interp.run import run

    params: dict[str, Any] = {}
    if case["method"] in ("gradcam", "channel-ablation", "score-cam") and case["form"] == "torch":
        params = {"layer": LAYERS[case["model"]]}
    if case["method"] == "occlusion":
        params = {"window": WINDOW / 224, "stride": STEP / WINDOW}
    if case["method"] == "integrated-gradients":
        params = {"steps": STEPS}
    sampled = case["method"] in ("rise", "lime", "kernelshap")
    request = Request(
        method=case["method"],
        params=params,
        targets=tuple(map(str, range(case["targets"]))),
        budget=Budget(samples=case["samples"]) if sampled else Budget(),
    )
    session = our_session(place, case["model"], case["form"])

    def explain() -> object:
        unknown = replace(session, memory=session.memory.alone())  # no scores of the call before
        return run(request, unknown, images=list(images))

    return explain


@cache
def our_session(place: Path, name: str, form: str) -> Any:
    from interp.opening.source import open_model
    from interp.registry import Registry
    from interp.session import Session
    from interp.spec import ModelOptions

    registry = Registry.load()
    given = {"size": (224, 224), "mean": MEAN, "std": STD}
    source = network(place, name) if form == "torch" else str(place / name)
    return Session(registry, open_model(source, ModelOptions(device="cpu", input=given), registry))


@cache
def network(place: Path, name: str) -> nn.Module:
    """The module, or that of the exported program."""
    if name.endswith(".pt2"):
        return torch.export.load(place / name).module()
    import torchvision

    module = getattr(torchvision.models, name)(weights=None)
    module.load_state_dict(torch.load(place / f"{name}.pth", weights_only=True))
    return module.eval()


def encoded(images: np.ndarray) -> Tensor:
    """Images (N, h, w, 3) in 0..255 as the networks take them."""
    mean, std = (torch.tensor(each)[:, None, None] for each in (MEAN, STD))
    return (torch.from_numpy(images.transpose(0, 3, 1, 2) / 255.0).float() - mean) / std


def scores(case: dict[str, Any], place: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Scores (N, K) of images (N, h, w, 3) in 0..255, in batches."""
    run: Callable[[Tensor], Tensor] = (
        onnx_session(place, case["model"])
        if case["form"] == "onnx"
        else network(place, case["model"])
    )

    def answer(images: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return torch.cat([run(each) for each in encoded(images).split(BATCH)]).numpy()

    return answer


@cache
def onnx_session(place: Path, name: str) -> Callable[[Tensor], Tensor]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(place / name))
    given = session.get_inputs()[0].name
    return lambda images: torch.from_numpy(session.run(None, {given: images.numpy()})[0])


def superpixels(image: np.ndarray) -> np.ndarray:
    from skimage.segmentation import slic

    return np.asarray(slic(image / 255, SUPERPIXELS, 10, sigma=1, start_label=0))


def captum(case: dict[str, Any], place: Path, images: np.ndarray) -> Callable[[], object]:
    """One call for each class, as it is made to be used."""
    from captum.attr import IntegratedGradients, KernelShap, Lime, Occlusion

    module, pixels = network(place, case["model"]), encoded(images)
    side: dict[str, Any] = {"perturbations_per_eval": BATCH}

    def explain(target: int, given: Tensor) -> object:
        if case["method"] == "integrated-gradients":
            return IntegratedGradients(module).attribute(
                given, target=target, n_steps=STEPS, internal_batch_size=BATCH
            )
        if case["method"] == "occlusion":
            shapes, steps = (3, WINDOW, WINDOW), (3, STEP, STEP)
            return Occlusion(module).attribute(
                given, sliding_window_shapes=shapes, strides=steps, target=target, **side
            )
        kind = {"lime": Lime, "kernelshap": KernelShap}[case["method"]]
        labels = torch.from_numpy(superpixels(images[0]))[None, None]
        samples = case["samples"]
        return kind(module).attribute(
            given, target=target, feature_mask=labels, n_samples=samples, **side
        )

    def all_targets() -> object:
        batches = pixels.split(BATCH)
        return [explain(each, batch) for each in range(case["targets"]) for batch in batches]

    if case["method"] == "integrated-gradients":
        return all_targets

    def without_slopes() -> object:
        with torch.no_grad():
            return all_targets()

    return without_slopes


def grad_cam(case: dict[str, Any], place: Path, images: np.ndarray) -> Callable[[], object]:
    """One call for each class and batch."""
    import pytorch_grad_cam as peer
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    module = network(place, case["model"])
    layer = module.get_submodule(LAYERS[case["model"]])
    kinds = {"gradcam": "GradCAM", "channel-ablation": "AblationCAM", "score-cam": "ScoreCAM"}
    tokens = case["model"].startswith("vit")

    def as_maps(values: Tensor) -> Tensor:
        return values[:, 1:].reshape(len(values), 14, 14, -1).permute(0, 3, 1, 2)

    def explain() -> None:
        given = {"reshape_transform": as_maps} if tokens else {}
        with getattr(peer, kinds[case["method"]])(module, [layer], **given) as cam:
            cam.batch_size = BATCH
            for target in range(case["targets"]):
                for batch in encoded(images).split(BATCH):
                    cam(batch, [ClassifierOutputTarget(target)] * len(batch))

    return explain


def torch_cam(case: dict[str, Any], place: Path, images: np.ndarray) -> Callable[[], object]:
    """One forward pass for each batch, and the classes one after another."""
    from torchcam import methods

    module = network(place, case["model"])
    kind = {"gradcam": methods.GradCAM, "score-cam": methods.ScoreCAM}[case["method"]]

    def explain() -> None:
        with kind(module, LAYERS[case["model"]]) as cam:
            for batch in encoded(images).split(BATCH):
                found = module(batch)
                for target in range(case["targets"]):
                    cam([target] * len(batch), found, retain_graph=True)

    return explain


def lime(case: dict[str, Any], place: Path, images: np.ndarray) -> Callable[[], object]:
    """All classes in one call."""
    from lime.lime_image import LimeImageExplainer

    answer, explainer = scores(case, place), LimeImageExplainer(random_state=0)
    return lambda: explainer.explain_instance(
        images[0],
        answer,
        labels=tuple(range(case["targets"])),
        top_labels=None,
        num_samples=case["samples"],
        batch_size=BATCH,
        segmentation_fn=superpixels,
        progress_bar=False,
    )


def shap(case: dict[str, Any], place: Path, images: np.ndarray) -> Callable[[], object]:
    """KernelSHAP over super-pixels, all classes in one call."""
    from shap import KernelExplainer

    answer, image = scores(case, place), images[0]
    labels = superpixels(image)
    count, grey = int(labels.max()) + 1, image.mean((0, 1))

    def respond(states: np.ndarray) -> np.ndarray:
        seen = states[:, labels][..., None] > 0  # (N, h, w, 1)
        return answer(np.where(seen, image, grey))[:, : case["targets"]]

    def chunks(states: np.ndarray) -> np.ndarray:
        parts = np.array_split(states, max(1, len(states) // (4 * BATCH)))
        return np.concatenate([respond(each) for each in parts])

    explainer = KernelExplainer(chunks, np.zeros((1, count)))
    whole = np.ones((1, count))
    return lambda: explainer.shap_values(whole, nsamples=case["samples"], silent=True)


def dianna(case: dict[str, Any], place: Path, images: np.ndarray) -> Callable[[], object]:
    """RISE or LIME on the ONNX file, all classes in one call."""
    import dianna as peer

    number = {"rise": {"n_masks": case["samples"]}, "lime": {"num_samples": case["samples"]}}
    mean, std = (np.reshape(each, (3, 1, 1)) for each in (MEAN, STD))
    image = images[0].transpose(2, 0, 1).astype(np.float32) / 255
    return lambda: peer.explain_image(
        str(place / case["model"]),
        image,
        method=case["method"].upper(),
        labels=list(range(case["targets"])),
        axis_labels={0: "channels"},
        preprocess_function=lambda given: ((given - mean) / std).astype(np.float32),
        **number[case["method"]],
    )


PEERS = {
    "captum": captum,
    "pytorch-grad-cam": grad_cam,
    "torchcam": torch_cam,
    "lime": lime,
    "shap": shap,
    "dianna": dianna,
}

if __name__ == "__main__":
    main(Path(sys.argv[1]))
