"""Known networks, exported by both exporters, against PyTorch at every layer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from interp.cut import Output
from interp.opening.source import open_model as open_source
from interp.registry import Registry
from interp.spec import ModelOptions
from interp.target import Target
from interp_onnx.adapter import OnnxAdapter
from interp_onnx.opening import open_model
from interp_torch.adapter import TorchAdapter
from interp_torch.opening import open_model as open_module

SIZE = 96
STAGES = {
    "creatures-vgg": ["stage1", "stage2", "stage3"],
    "creatures-resnet": ["stem", "stage1", "stage2", "stage3"],
    "creatures-vit": ["stem", "blocks.0", "blocks.1"],
    "resnet18": ["relu", "layer1", "layer2", "layer3", "layer4"],
    "mobilenet_v3_small": [f"features.{index}" for index in (0, 3, 6, 11, 12)],
    "densenet121": ["features.relu0", *(f"features.denseblock{each}" for each in range(1, 5))],
    "vit_b_16": [f"encoder.layers.encoder_layer_{index}" for index in (0, 4, 8, 9)],
}
"""Each network and its stages; the last two are those that methods read."""
FLAT = {
    "creatures-vit": ["blocks.2", "blocks.3"],
    "vit_b_16": [f"encoder.layers.encoder_layer_{index}" for index in (10, 11)],
}
"""Where a cell's length does not matter: before the last block a cell meets its LayerNorm alone,
which ignores it, and after the last block only the class token is read."""
NOTHING = {"Dropout", "Identity"}
"""Kinds of modules that do nothing at inference, and that exporters leave out."""
TOLERANCE = 1e-4
TARGETS = [Target(3, "class 3"), Target(1, "class 1, not class 2", 2)]

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Pair:
    """One network twice."""

    name: str
    how: str
    module: TorchAdapter
    file: OnnxAdapter

    @property
    def lost(self) -> list[str]:
        known = {layer.name for layer in self.file.layers()}
        return [layer.name for layer in self.module.layers() if layer.name not in known]

    @property
    def shared(self) -> list[str]:
        lost = self.lost
        return [layer.name for layer in self.module.layers() if layer.name not in lost]

    @property
    def images(self) -> Tensor:
        """Two images (2, 3, h, w) that differ in colours and shapes."""
        return smooth(2, self.module.spec.input.size[0], seed=1)


def smooth(count: int, size: int, seed: int) -> Tensor:
    """Random images of large spots, (count, 3, size, size)."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 6, 6, generator=generator)
    fine = torch.rand(count, 3, size, size, generator=generator)
    return 0.8 * functional.interpolate(coarse, (size, size), mode="bilinear") + 0.2 * fine


@torch.no_grad()
def calibrated(module: nn.Module) -> nn.Module:
    """A random network as if trained: statistics of images, scores that tell them apart."""
    for each in module.modules():
        if isinstance(each, nn.BatchNorm2d):
            each.weight.uniform_(0.5, 1.5)
            each.bias.uniform_(-0.3, 0.3)
            each.momentum = None  # the plain mean over batches
        if isinstance(each, nn.Dropout):
            each.p = 0
    images = (smooth(32, SIZE, seed=0) - 0.45) / 0.225
    module.train()(images)
    scores = module.eval()(images)
    last = [each for each in module.modules() if isinstance(each, nn.Linear)][-1]
    if not last.weight.any():  # as a vision transformer begins
        last.weight.normal_(0, 0.05)
        scores = module(images)
    last.weight /= scores.std(0).mean()
    last.bias.copy_((last.bias - scores.mean(0)) / scores.std(0).mean())
    return module


def open_named(name: str) -> TorchAdapter:
    if name.startswith("creatures"):
        return open_source(name, ModelOptions(device="cpu"), Registry.load())  # type: ignore[return-value]
    from torchvision import models

    sized = {"image_size": SIZE} if name == "vit_b_16" else {}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = calibrated(models.get_model(name, weights=None, **sized))
    return open_module(module, ModelOptions(device="cpu", input={"size": (SIZE, SIZE)}))


def write(model: TorchAdapter, path: Path, how: str) -> None:
    """By today's exporter through the adapter, or by the older one."""
    if how == "new":
        model.export(path)
        return
    axes = {"image": {0: "batch"}}
    inputs = model.network.encode(smooth(1, model.spec.input.size[0], seed=2))
    names = {"input_names": ["image"], "output_names": ["scores"]}
    module = model.network.module.eval()
    torch.onnx.export(module, (inputs,), path, dynamo=False, dynamic_axes=axes, **names)


@pytest.fixture(
    scope="module",
    params=[(name, how) for name in STAGES for how in ("new", "old")],
    ids="-".join,
)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    name, how = request.param
    model = open_named(name)
    path = tmp_path_factory.mktemp(name) / "model.onnx"
    write(model, path, how)
    options = ModelOptions(device="cpu", input=model.spec.input.model_dump())
    return Pair(name, how, model, open_model(str(path), options))


def apart(found: Tensor, expected: Tensor) -> float:
    """Largest difference relative to the largest value."""
    assert found.shape == expected.shape
    return float((found - expected).abs().max() / expected.abs().max())


def test_scores_and_activations(pair: Pair) -> None:
    images = pair.images
    expected = pair.module.predict(images)
    assert apart(expected[:1], expected[1:]) > 0.1  # the scores depend on the image
    assert pair.file.network.batch is None
    assert apart(pair.file.predict(images), expected) <= TOLERANCE
    found = pair.file.activations(images, pair.shared)
    for layer, activation in pair.module.activations(images, pair.shared).items():
        assert apart(found[layer], activation) <= TOLERANCE, layer


def test_only_folded_layers_and_those_without_effect_are_lost(pair: Pair) -> None:
    layers = pair.module.layers()
    expected = {layer.name for layer in layers if layer.kind in NOTHING}
    for before, layer in pairwise(layers):
        if (before.kind, layer.kind) == ("Conv2d", "BatchNorm2d"):
            expected |= {before.name} if pair.how == "new" else {before.name, layer.name}
    assert set(pair.lost) == expected


def perturbed(activation: Tensor, batch: int) -> Tensor:
    """`batch` versions of one activation with half of its values off."""
    generator = torch.Generator().manual_seed(batch)
    return activation * (torch.rand((batch, *activation.shape[1:]), generator=generator) > 0.5)


def test_every_suffix(pair: Pair) -> None:
    image = pair.images[:1]
    for layer in pair.shared:
        cut, truth = pair.file.cut(layer), pair.module.cut(layer)
        ours, theirs = cut.prefix(image), truth.prefix(image)
        assert apart(ours.activation, theirs.activation) <= TOLERANCE, layer
        for batch in (2, 3, 2):
            activation = perturbed(theirs.activation, batch)
            expected = truth.suffix(theirs, activation)
            for _ in range(2):
                assert apart(cut.suffix(ours, activation), expected) <= TOLERANCE, layer


def indicators(count: int) -> Tensor:
    """One part on and the others off, (M, count), for at most about a hundred parts."""
    return torch.eye(count)[:: -(-count // 100)]


def cells(activation: Tensor) -> Tensor:
    """MINT's directions: the activation in one cell of the grid, nothing elsewhere."""
    if activation.dim() == 3:
        one = indicators(activation.shape[1])
        return one[1:, :, None] * activation  # the first is of the class token, no cell
    one = indicators(activation[0, 0].numel())
    return one.view(-1, 1, *activation.shape[2:]) * activation


def channels(activation: Tensor) -> Tensor:
    """Grad-CAM's directions: ones over the grid in one channel."""
    if activation.dim() == 3:
        grid = (torch.arange(activation.shape[1]) > 0).float()
        return indicators(activation.shape[2])[:, None] * grid[None, :, None]
    return indicators(activation.shape[1])[:, :, None, None].expand(-1, -1, *activation.shape[2:])


def slopes(pair: Pair, layer: str) -> Iterator[tuple[str, float, float]]:
    """What was asked, the least cosine of differences with autograd's answer, and their error.

    What autograd answers for the file's own operations is compared first.
    """
    cut, truth = pair.file.cut(layer), pair.module.cut(layer)
    own = getattr(cut, "inner", cut)  # tokens as maps are a cut around the file's own
    frontiers = [each.prefix(pair.images[:1]) for each in (cut, truth)]
    asked: list[tuple[str, Tensor, Output]] = [
        ("cells", cells(frontiers[1].activation), "prob"),
        ("channels", channels(frontiers[1].activation), "logit"),
    ]
    for name, directions, output in asked:
        expected = truth.derivative(frontiers[1], directions, TARGETS, output)
        program = own.program
        assert program is not None, f"{pair.name}-{pair.how} {layer}: not recorded"
        recorded = cut.derivative(frontiers[0], directions, TARGETS, output)
        apart = (recorded - expected).norm(dim=0) / expected.norm(dim=0).clamp(min=1e-4)
        assert float(apart.max()) <= 1e-2, f"{pair.name}-{pair.how} {layer} {name}: {apart}"
        own.program = None
        found = cut.derivative(frontiers[0], directions, TARGETS, output)
        own.program, error = program, own.error
        assert error is not None
        cosine = functional.cosine_similarity(found, expected, dim=0).min()
        yield name, float(cosine), float((error.norm(dim=0) / found.norm(dim=0)).max())


def test_derivatives(pair: Pair) -> None:
    """Close to autograd where methods read; elsewhere the estimated error tells how far off."""
    for layer in STAGES[pair.name]:
        for asked, cosine, error in slopes(pair, layer):
            told = f"{pair.name}-{pair.how} {layer} {asked}: cosine {cosine:.5f}"
            sys.stdout.write(f"{told}, estimated error {error:.2%}\n")
            off = (1 - cosine**2) ** 0.5
            assert cosine >= 0.999 or (layer not in STAGES[pair.name][-2:] and off < 4 * error), (
                told
            )


def test_slopes_are_nothing_where_a_cells_length_does_not_matter(pair: Pair) -> None:
    """By both adapters, next to the score itself; one block earlier they are something."""
    if pair.name not in FLAT:
        pytest.skip("such layers are those of vision transformers")
    image = pair.images[:1]
    score = TARGETS[0].select(pair.module.probabilities(pair.module.predict(image)))[0]
    for layer in [STAGES[pair.name][-1], *FLAT[pair.name]]:
        for cut in (pair.file.cut(layer), pair.module.cut(layer)):
            frontier = cut.prefix(image)
            found = cut.derivative(frontier, cells(frontier.activation), TARGETS[:1], "prob")
            assert (found.abs().max() <= 1e-4 * score) == (layer in FLAT[pair.name]), layer
    told = {asked: cosine for asked, cosine, _ in slopes(pair, FLAT[pair.name][0])}
    assert told["channels"] >= 0.999
