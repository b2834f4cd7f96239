"""The family's maps are those of pytorch-grad-cam and TorchCAM, where these packages are installed.

Compared on the layer's grid, before either side scales its map to 0..1 or enlarges it. Two things
differ on purpose. pytorch-grad-cam adds 1e-6 to the denominators of Grad-CAM++, which are squares
of slopes: the networks' heads are scaled up so that it does not decide. TorchCAM 0.5.0 divides a
copy in Grad-CAM++, so that its weights are not those of the paper; it is left out there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from support.networks import seeded
from torch import Tensor, nn
from torchvision import models

import interp
from interp.context import Context
from interp.model import ModelAdapter
from interp.opening.named import open_method
from interp.registry import Registry
from interp.spec import ModelOptions
from interp.target import Target
from interp_cam.views import Views

OPTIONS = ModelOptions(input={"size": (96, 96)}, device="cpu")
TARGET = 3
TOLERANCE = 1e-4


def resnet() -> nn.Module:
    net = models.resnet18(weights=None)
    net.fc.weight.data *= 1e4
    return net


def transformer() -> nn.Module:
    net = models.VisionTransformer(96, 16, 3, 2, 24, 48, num_classes=10)
    nn.init.normal_(net.heads.head.weight, std=1e4)
    return net


NETWORKS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "resnet18 layer4": (resnet, "layer4"),
    "resnet18 layer2": (resnet, "layer2"),
    "vit": (transformer, "encoder.layers.encoder_layer_2.ln_1"),
}


def to_maps(tokens: Tensor) -> Tensor:
    """Tokens with a class token as maps."""
    return tokens[:, 1:].mT.unflatten(2, (6, 6))


@pytest.fixture(params=list(NETWORKS))
def given(request: pytest.FixtureRequest) -> tuple[nn.Module, str, dict[str, Any]]:
    """A network, its layer, and what the peers need to be told of that."""
    build, layer = NETWORKS[request.param]
    told = {"reshape_transform": to_maps} if request.param == "vit" else {}
    return seeded(build), layer, told


def ours(module: nn.Module, layer: str, method: str, pixels: Tensor, **params: Any) -> np.ndarray:
    """Our map of one image on the layer's grid."""
    model: ModelAdapter = interp.open_model(module, options=OPTIONS)
    opened = open_method(Registry.load(), method, {"layer": layer, **params})
    views, place = Views(model, pixels), model.map_layer(layer)
    aims = opened.aims(views, place, [[Target(TARGET, "target")]])
    return opened.cells(views, place, aims, Context())[0, 0].numpy()


def shown() -> tuple[Tensor, Tensor]:
    """An image in [0, 1], and as the network takes it."""
    pixels = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(5))
    mean, std = (torch.tensor(each)[:, None, None] for each in (OPTIONS_MEAN, OPTIONS_STD))
    return pixels, (pixels - mean) / std


OPTIONS_MEAN, OPTIONS_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def apart(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference as a share of the largest value."""
    assert np.abs(expected).max() > 0
    return float(np.abs(found - expected).max() / np.abs(expected).max())


GRAD_CAM = {
    "gradcam": "GradCAM",
    "gradcam-plusplus": "GradCAMPlusPlus",
    "xgradcam": "XGradCAM",
    "hirescam": "HiResCAM",
    "layercam": "LayerCAM",
    "eigencam": "EigenCAM",
    "finercam": "GradCAM",
}


@pytest.mark.parametrize("method", GRAD_CAM)
def test_it_is_pytorch_grad_cams_map(
    method: str, given: tuple[nn.Module, str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = pytest.importorskip("pytorch_grad_cam")
    module, layer, told = given
    pixels, encoded = shown()
    kind = getattr(peer, GRAD_CAM[method])
    cells: list[np.ndarray] = []
    plain = kind.get_cam_image
    monkeypatch.setattr(
        kind,
        "get_cam_image",
        lambda self, *rest: cells.append(plain(self, *rest)) or cells[-1],
    )
    with torch.no_grad():
        scores = module(encoded)[0]
    nearest = (scores - scores[TARGET]).abs().argsort()[1:4]

    def target(row: Tensor) -> Tensor:
        contrast = 0.6 * row[nearest].mean() if method == "finercam" else 0
        return row[TARGET] - contrast

    with kind(module, [module.get_submodule(layer)], **told) as cam:
        cam(encoded, [target])
    expected = cells[0][0]
    params = {"centred": True} if method == "eigencam" else {}
    found = ours(module, layer, method, pixels, **params)
    if method == "eigencam":  # the sign of a singular vector is anyone's
        expected = expected * np.sign((found * expected).sum())
    measured = apart(found, expected)
    print(f"pytorch-grad-cam {method} {layer}: {measured:.1e}")  # noqa: T201
    assert measured < TOLERANCE


TORCH_CAM = {
    "gradcam": "GradCAM",
    "xgradcam": "XGradCAM",
    "layercam": "LayerCAM",
    "finercam": "FinerCAM",
}


@pytest.mark.parametrize("method", TORCH_CAM)
def test_it_is_torch_cams_map(method: str, given: tuple[nn.Module, str, dict[str, Any]]) -> None:
    peer = pytest.importorskip("torchcam.methods")
    module, layer, told = given
    pixels, encoded = shown()
    with getattr(peer, TORCH_CAM[method])(module, layer, **told) as cam:
        scores = module(encoded)
        expected = cam(TARGET, scores, normalized=False)[0][0].numpy()
    measured = apart(np.maximum(ours(module, layer, method, pixels), 0), expected)
    print(f"TorchCAM {method} {layer}: {measured:.1e}")  # noqa: T201
    assert measured < TOLERANCE


def test_refined_maps_are_pytorch_grad_cams() -> None:
    """Of a transformer, whose grid both packages stretch over the input."""
    peer = pytest.importorskip("pytorch_grad_cam")
    module = seeded(transformer)
    layers = [f"encoder.layers.encoder_layer_{at}.ln_1" for at in (1, 2)]
    image = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    model = interp.open_model(module, options=OPTIONS)
    params = {"layers": tuple(layers), "weighting": "layercam"}
    found = interp.explain(model, image, method="refinecam", target=TARGET, params=params).map()
    places = [module.get_submodule(each) for each in layers]
    cam = peer.RefineCAM(module, places, to_maps, base_method=peer.LayerCAM)
    mean, std = (torch.tensor(e)[:, None, None] for e in (OPTIONS_MEAN, OPTIONS_STD))
    encoded = (model.prepare(image)[0][None] - mean) / std
    expected = cam(encoded, [lambda row: row[TARGET]])[0]
    scaled = (found - found.min()) / (found.max() - found.min())
    measured = apart(scaled, expected)
    print(f"pytorch-grad-cam refinecam: {measured:.1e}")  # noqa: T201
    assert measured < TOLERANCE
