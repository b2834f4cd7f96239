"""Every family of networks: layers in their layout, and methods that look where they should."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from support.families import FAMILIES, LAST, SIZE

import interp
from interp.context import Budget
from interp.errors import UnsupportedError
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions

METHODS = {
    "gradcam": {},
    "chip": {},
    "mint": {"baseline": "empty"},
    "rise": {"cells": 4},
    "channel-ablation": {},
    "score-cam": {},
    "gradcam-plusplus": {},
    "xgradcam": {},
    "hirescam": {},
    "layercam": {},
    "finercam": {"nearest": 1},
}
CORNER = (slice(20, 28), slice(4, 12))
OPTIONS = ModelOptions(
    input={"size": (SIZE, SIZE), "mean": (0,) * 3, "std": (1,) * 3}, device="cpu"
)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], ModelAdapter]:
    """The network of a family behind the PyTorch or the ONNX adapter, opened once."""
    registry, kept, folder = Registry.load(), {}, tmp_path_factory.mktemp("families")

    def named(name: str, adapter: str) -> ModelAdapter:
        if (name, adapter) not in kept:
            module = open_model(FAMILIES[name](), OPTIONS, registry)
            kept[name, "torch"] = module
            if adapter == "onnx":
                file = folder / f"{name.replace(' ', '-')}.onnx"
                module.export(file)
                kept[name, "onnx"] = open_model(str(file), ModelOptions(device="cpu"), registry)
        return kept[name, adapter]

    return named


def picture() -> np.ndarray:
    """A red square near the lower left corner, on noise."""
    image = np.random.default_rng(0).integers(60, 120, (SIZE, SIZE, 3)).astype(np.uint8)
    image[CORNER] = (240, 20, 20)
    return image


@pytest.mark.parametrize("adapter", ["torch", "onnx"])
@pytest.mark.parametrize("name", FAMILIES)
def test_the_last_map_is_found_in_its_layout(models: Callable, name: str, adapter: str) -> None:
    model = models(name, adapter)
    layer, (wanted, layout, prefix) = model.map_layer(), LAST[name]
    assert (layer.layout, layer.grid, layer.prefix) == (layout, (8, 8), prefix)
    if adapter == "torch":
        assert layer.name == wanted


@pytest.mark.parametrize("name", FAMILIES)
def test_maps_follow_the_image_and_others_have_no_grid(models: Callable, name: str) -> None:
    model = models(name, "torch")
    image = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    changed = image.clone()
    changed[..., CORNER[0], CORNER[1]] = 1 - changed[..., CORNER[0], CORNER[1]]
    checked = 0
    for layer in model.layers():
        assert layer.grid is None or layer.grid == (8, 8), layer
        if layer.grid is None:
            continue
        one, two = (model.activations(each, [layer.name])[layer.name] for each in (image, changed))
        assert one.shape == (1, layer.channels, 8, 8)
        answer = (one - two).abs().sum((0, 1))
        inside = answer[5:7, 1:3].mean() / (answer.mean() + 1e-12)
        assert inside > 4, layer
        checked += 1
    assert checked > 2


@pytest.mark.parametrize("adapter", ["torch", "onnx"])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_batch_through_a_cut_equals_its_rows(models: Callable, name: str, adapter: str) -> None:
    model = models(name, adapter)
    images = torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(2))
    whole = model.predict(images)
    for layer in model.maps():
        cut = model.cut(layer.name)
        frontier, activation = cut.prefix(images[:1]), cut.prefix(images).activation
        alone = torch.cat([cut.suffix(frontier, each[None]) for each in activation])
        assert torch.allclose(cut.suffix(frontier, activation), alone, atol=1e-4), layer
        assert torch.allclose(alone[:1], whole[:1], atol=1e-4), layer


@pytest.mark.parametrize("adapter", ["torch", "onnx"])
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("method", METHODS)
def test_methods_peak_in_the_planted_corner(
    models: Callable, name: str, adapter: str, method: str
) -> None:
    found = interp.explain(
        models(name, adapter),
        picture(),
        method=method,
        target=0,
        params=METHODS[method],
        budget=Budget(samples=200),
    )
    values = found.map()
    row, column = np.unravel_index(values.argmax(), values.shape)
    assert row >= SIZE // 2 and column < SIZE // 2


def test_gradcam_equals_a_plain_autograd_computation_on_tokens(models: Callable) -> None:
    model = models("class token", "torch")
    module, kept = FAMILIES["class token"](), {}
    module.blocks[1].inner.register_forward_hook(lambda _, __, out: kept.update(tokens=out))
    pixels = torch.tensor(picture() / 255.0, dtype=torch.float32).permute(2, 0, 1)[None]
    score = module(pixels)[0, 0]
    slope = torch.autograd.grad(score, kept["tokens"])[0][0, 1:]  # (cells, C)
    plain = (kept["tokens"][0, 1:] * slope.mean(0)).sum(1).reshape(8, 8).detach().numpy()
    params = {"output": "logit", "positive": False}
    found = interp.explain(model, picture(), method="gradcam", target=0, params=params)
    cells = found.map().reshape(8, 4, 8, 4)[:, 1:3, :, 1:3].mean((1, 3))
    assert np.corrcoef(cells.ravel(), plain.ravel())[0, 1] > 0.95


def test_a_layer_that_is_no_map_is_refused(models: Callable) -> None:
    model = models("class token", "torch")
    assert model.layer("blocks.0.attn.k_norm").layout == "other"
    with pytest.raises(UnsupportedError, match=r"k_norm.*is no map"):
        interp.explain(model, picture(), method="gradcam", params={"layer": "blocks.0.attn.k_norm"})


def test_indices_into_the_batch_cross_a_cut(tmp_path: Path) -> None:
    """torchvision's ConvNeXt, exported: its pooling gathers cells by an index for each image."""
    convnext = import_module("torchvision.models.convnext")
    blocks = [convnext.CNBlockConfig(8, 16, 1), convnext.CNBlockConfig(16, None, 1)]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = convnext.ConvNeXt(blocks, num_classes=4).eval()
    registry = Registry.load()
    open_model(module, OPTIONS, registry).export(tmp_path / "net.onnx")
    model = open_model(str(tmp_path / "net.onnx"), ModelOptions(device="cpu"), registry)
    cut = model.cut("features")
    images = torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(2))
    frontier, activation = cut.prefix(images[:1]), cut.prefix(images).activation
    assert torch.allclose(cut.suffix(frontier, activation), model.predict(images), atol=1e-5)
