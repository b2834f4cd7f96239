"""A class decided by one part, and a reference that shares one part: every method finds it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from support.outputs import SIZE, Embedding, PartSegmenter

import interp
from interp.context import Budget
from interp.spec import ModelOptions
from interp_creatures.dataset import Creatures
from interp_creatures.networks import MEAN, STD, CreaturesResNet
from interp_creatures.networks import SIZE as SIDE
from interp_creatures.shipped import HERE
from interp_creatures.species import CLASSES, DEFINING

NAMES = ("ground", "leaf", "sky")
METHODS = {
    "gradcam": {"layer": "colours.act"},
    "chip": {"layer": "colours.act"},
    "mint": {"shallow": "colours.act"},
    "rise": {"cells": 4},
    "channel-ablation": {"layer": "colours.act"},
}
REGIONS = ("predicted", "point:30,2")
OTHERS = (
    "lime", "kernelshap", "occlusion", "score-cam", "saliency", "smoothgrad", "guided-backprop",
    "guided-gradcam", "integrated-gradients", "deeplift", "layer-conductance", "layer-ablation",
)  # fmt: skip


@pytest.mark.parametrize("adapter", ["torch", "onnx"])
@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("method", METHODS)
def test_the_part_that_decides_a_class_is_found(
    opened: Callable, picture: np.ndarray, method: str, region: str, adapter: str
) -> None:
    """The leaf is found on the right half, but for what is near the lower left corner."""
    model = opened(PartSegmenter(), "pixels", adapter, NAMES, region=region)
    found = explain(model, picture, method, "leaf")
    assert peak(found) == (True, True)


@pytest.mark.parametrize("method", OTHERS)
def test_every_other_method_finds_it_too(
    opened: Callable, picture: np.ndarray, method: str
) -> None:
    model = opened(PartSegmenter(), classes=NAMES)
    assert peak(explain(model, picture, method, "leaf")) == (True, True)


@pytest.mark.parametrize("adapter", ["torch", "onnx"])
@pytest.mark.parametrize("target", ["red", "blue"])
@pytest.mark.parametrize("method", METHODS)
def test_the_part_that_is_shared_with_a_reference_is_found(
    opened: Callable,
    picture: np.ndarray,
    tmp_path: Path,
    method: str,
    target: str,
    adapter: str,
) -> None:
    for name, colour in (("red", (230, 10, 30)), ("blue", (10, 30, 230))):
        image = np.full((40, 50, 3), 90, np.uint8)
        image[10:30, 20:40] = colour
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    files = [str(tmp_path / "red.png"), str(tmp_path / "blue.png")]
    model = opened(Embedding(), "similarity", adapter, reference=files)
    assert model.spec.classes == ("red", "blue")
    found = explain(model, picture, method, target)
    assert peak(found) == ((True, True) if target == "red" else (False, False))


def explain(model: object, image: np.ndarray, method: str, target: str) -> np.ndarray:
    budget = Budget(samples=200)
    params = METHODS.get(method, {})
    return interp.explain(
        model, image, method=method, target=target, params=params, budget=budget
    ).map()


def peak(values: np.ndarray) -> tuple[bool, bool]:
    """Whether the largest value lies in the lower half, and in the left half."""
    row, column = np.unravel_index(values.argmax(), values.shape)
    return bool(row >= SIZE // 2), bool(column < SIZE // 2)


def test_a_trained_network_finds_the_part_that_two_creatures_share(tmp_path: Path) -> None:
    """Neighbouring classes share the shape of their heads or of their tails, never of both."""
    network = CreaturesResNet()
    network.load_state_dict(load_file(HERE / "weights/creatures-resnet.safetensors"))
    network.classifier = torch.nn.Identity()
    images = Creatures(40, 41, two=False)
    found = []
    for index in range(10, 20):
        query, other = images[index], images[index + 11]
        shapes = [list(CLASSES.values())[each.label] for each in (query, other)]
        shared, own = DEFINING if shapes[0][0] == shapes[1][0] else DEFINING[::-1]
        Image.fromarray(other.image).save(tmp_path / f"{index}.png")
        options = ModelOptions(
            input={"size": (SIDE, SIDE), "mean": MEAN, "std": STD},
            readout="similarity",
            readout_params={"reference": str(tmp_path / f"{index}.png")},
            device="cpu",
        )
        values = interp.explain(
            network, query.image, method="gradcam", params={"positive": False}, options=options
        ).map()
        parts = {each.name: each.mask for each in query.instances[0].parts}
        found.append(values[parts[shared]].mean() > values[parts[own]].mean())
    assert sum(found) >= 9
