"""The shipped vision transformer: its layers, the slope of its answer, its ONNX file, its maps."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from creatures.publish import TEST_SEED
from creatures.train import NETWORKS
from torch import Tensor

import interp
from interp.context import Budget
from interp.dataset import Example
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp_creatures import networks
from interp_creatures.dataset import Creatures
from interp_creatures.networks import CreaturesViT
from interp_creatures.species import DEFINING
from interp_standard.localize import energy
from interp_torch.adapter import TorchAdapter

LAST = "blocks.3.norm1"
OPTIONS = ModelOptions(device="cpu")


@pytest.fixture(scope="module")
def model() -> TorchAdapter:
    found = open_model("creatures-vit", OPTIONS, Registry.load())
    assert isinstance(found, TorchAdapter)
    return found


@pytest.fixture(scope="module")
def exported(model: TorchAdapter, tmp_path_factory: pytest.TempPathFactory) -> ModelAdapter:
    file = tmp_path_factory.mktemp("vit") / "vit.onnx"
    model.export(file)
    return open_model(str(file), OPTIONS, Registry.load())


@cache
def examples() -> list[Example]:
    return list(Creatures(40, TEST_SEED + 2, two=False))


def pixels(model: ModelAdapter, count: int) -> Tensor:
    return torch.stack([model.prepare(each.image)[0] for each in examples()[:count]])


def test_it_opens_by_name_and_knows_creatures(model: TorchAdapter) -> None:
    assert not model.spec.notes
    found = model.predict(pixels(model, 40)).argmax(1).numpy()
    assert np.mean(found == [each.label for each in examples()]) >= 0.9


def test_tokens_are_maps_without_the_class_token(model: TorchAdapter) -> None:
    layers = {each.name: each for each in model.layers()}
    for name in [f"blocks.{index}" for index in range(3)] + [LAST]:
        found = layers[name]
        assert (found.layout, found.grid, found.prefix) == ("tokens", (14, 14), 1), found
    image = pixels(model, 1)
    with torch.no_grad():
        network = model.network.module
        tokens = network.blocks[:3](embedded(network, model.network.encode(image)))
    cells = tokens[:, 1:].mT.unflatten(2, (14, 14))
    assert torch.allclose(model.activations(image, ["blocks.2"])["blocks.2"], cells, atol=1e-5)


def test_the_default_layer_is_the_input_of_the_last_attention(
    model: TorchAdapter, exported: ModelAdapter
) -> None:
    assert model.map_layer().name == LAST
    found = exported.map_layer()
    assert (found.layout, found.grid, found.prefix, found.channels) == ("tokens", (14, 14), 1, 96)


def embedded(network: CreaturesViT, image: Tensor) -> Tensor:
    """The tokens (N, 197, 96) before the first block, as the class describes them."""
    maps = network.projection(network.stage2(network.stage1(network.stem(image))))
    cells = maps.flatten(2).mT
    first = network.class_token.expand(len(cells), -1, -1)
    return torch.cat([first, cells], 1) + network.position


def test_attention_equals_a_slow_second_writing(model: TorchAdapter) -> None:
    """Head by head and query by query, as the formula has it."""
    attention = model.network.module.blocks[1].attention
    tokens = torch.randn(1, 5, 96, generator=torch.Generator().manual_seed(0))
    query, key, value = attention.qkv(tokens)[0].split(96, 1)
    mixed = torch.zeros(5, 96)
    for head in range(3):
        own = slice(32 * head, 32 * head + 32)
        for at in range(5):
            likeness = torch.stack([query[at, own] @ each for each in key[:, own]]) / 32**0.5
            mixed[at, own] = likeness.exp() / likeness.exp().sum() @ value[:, own]
    assert torch.allclose(attention(tokens)[0], attention.projection(mixed), atol=1e-5)


def autograd_gradcam(network: CreaturesViT, image: Tensor, target: int) -> Tensor:
    """Grad-CAM (14, 14) of the last block's normalised input, by a plain backward pass."""
    kept: list[Tensor] = []
    hook = network.blocks[3].norm1.register_forward_hook(lambda *seen: kept.append(seen[2]))
    scores = network(image)
    hook.remove()
    (slopes,) = torch.autograd.grad(scores[0, target], kept)
    weights = slopes[0, 1:].mean(0)  # the class token is no cell
    return (kept[0][0, 1:] @ weights).unflatten(0, (14, 14)).detach()


@pytest.mark.parametrize(
    ("adapter", "away"),
    [("model", 1e-4), ("exported", 2e-3)],  # of an ONNX file, slopes are differences of scores
)
def test_gradcam_equals_autograd(
    model: TorchAdapter, adapter: str, away: float, request: pytest.FixtureRequest
) -> None:
    opened: ModelAdapter = request.getfixturevalue(adapter)
    for example in examples()[:2]:
        image, placement = model.prepare(example.image)
        encoded, layer = model.network.encode(image[None]), opened.map_layer()
        cells = autograd_gradcam(model.network.module, encoded, example.label)
        wanted = placement.to_image(placement.grid_to_input(cells.numpy(), layer.field))
        found = interp.explain(opened, example.image, method="gradcam", target=example.label).map()
        assert np.abs(found - wanted).max() <= away * np.abs(wanted).max()


def test_its_onnx_file_answers_as_it_does(model: TorchAdapter, exported: ModelAdapter) -> None:
    images = pixels(model, 5)
    assert torch.allclose(exported.predict(images), model.predict(images), atol=1e-4)
    assert exported.spec.classes == model.spec.classes
    one, two = (each.activations(images, [each.map_layer().name]) for each in (model, exported))
    assert torch.allclose(*(next(iter(each.values())) for each in (one, two)), atol=1e-4)


def defining(example: Example) -> np.ndarray:
    """The pixels of the parts that tell the class, (H, W) bool."""
    parts = example.instances[0].parts
    return np.any([each.mask for each in parts if each.name in DEFINING], axis=0)


def test_rise_looks_at_the_parts_that_tell_the_class(model: TorchAdapter) -> None:
    """The map has twice the energy there that it would have anywhere."""
    for example in examples()[:2]:
        found = interp.explain(
            model, example.image, method="rise", target=example.label, budget=Budget(samples=300)
        )
        region = defining(example)
        assert energy(found.map(), region) > 2 * region.mean()


def test_its_weights_are_those_of_the_recipe() -> None:
    """So that `make models` trains the network that is opened by name."""
    card = Path(networks.__file__).parent / "weights" / "creatures-vit.json"
    wanted = json.loads(json.dumps(asdict(NETWORKS["creatures-vit"].recipe)))
    assert json.loads(card.read_text("utf-8"))["recipe"] == wanted
