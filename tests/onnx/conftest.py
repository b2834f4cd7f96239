"""Small networks of known parts, opened as PyTorch modules and as the ONNX files made of them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from interp.spec import ModelOptions
from interp_onnx.adapter import OnnxAdapter
from interp_onnx.opening import open_model
from interp_torch.adapter import TorchAdapter
from interp_torch.opening import open_model as open_module

SIZE = 24


class Residual(nn.Module):
    """Skips, a strided shortcut, normalisations that exporters fold away, a global gate."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU())
        self.first = nn.Conv2d(6, 8, 3, 2, 1)
        self.norm = nn.BatchNorm2d(8)
        self.act = nn.Softplus()
        self.second = nn.Conv2d(8, 8, 3, 1, 1)
        self.short = nn.Conv2d(6, 8, 1, 2)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1), nn.Sigmoid())
        self.after = nn.Tanh()
        self.fc = nn.Linear(8, 5)

    def forward(self, image: Tensor) -> Tensor:
        skip = self.stem(image)
        hidden = self.second(self.act(self.norm(self.first(skip))))
        hidden = hidden * self.gate(hidden) + self.short(skip)
        return self.fc(self.after(hidden).mean((2, 3)))


class Dense(nn.Module):
    """Every stage's output is joined to the next one's input."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 4, 4)
        self.one = nn.Sequential(nn.Conv2d(4, 3, 3, padding=1), nn.SiLU())
        self.two = nn.Sequential(nn.Conv2d(7, 3, 3, padding=1), nn.SiLU())
        self.pool = nn.AvgPool2d(2)
        self.fc = nn.Linear(90, 4)

    def forward(self, image: Tensor) -> Tensor:
        stem = self.stem(image)
        one = self.one(stem)
        two = self.two(torch.cat([stem, one], 1))
        return self.fc(self.pool(torch.cat([stem, one, two], 1)).flatten(1))


class Depthwise(nn.Module):
    """Separable convolutions with padding on the right and below only."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, 2)
        self.deep = nn.Conv2d(6, 6, 3, 2, groups=6)
        self.act = nn.GELU()
        self.point = nn.Conv2d(6, 9, 1)
        self.most = nn.MaxPool2d(3, 1, 1)
        self.fc = nn.Linear(9, 4)

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.stem(functional.pad(image, (0, 1, 0, 1)))
        hidden = self.act(self.deep(functional.pad(hidden, (0, 1, 0, 1))))
        return self.fc(self.most(self.point(hidden)).mean((2, 3)))


class Tokens(nn.Module):
    """Patches with a class token in front, attention written out, and reshapes in between."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 6, 6)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.norm = nn.LayerNorm(8)
        self.mix = nn.Linear(8, 24)
        self.out = nn.Linear(8, 8)
        self.fc = nn.Linear(8, 4)

    def forward(self, image: Tensor) -> Tensor:
        cells = self.patch(image).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(cells), -1, -1), cells], 1)
        parts = self.mix(self.norm(tokens)).reshape(*tokens.shape[:2], 3, 2, 4)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = (query @ key.transpose(-2, -1) / 2).softmax(-1) @ value
        tokens = tokens + self.out(mixed.transpose(1, 2).flatten(2))
        return self.fc(tokens[:, 0])


class Pooled(nn.Module):
    """The mean over all cells, and a linear layer on it."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.fc = nn.Linear(6, outputs)

    def forward(self, maps: Tensor) -> Tensor:
        return self.fc(maps.mean((2, 3))).sigmoid()


class Shared(nn.Module):
    """Two modules that begin with the same mean, which exporters compute once."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, 2)
        self.one, self.two = Pooled(3), Pooled(4)
        self.fc = nn.Linear(7, 4)

    def forward(self, image: Tensor) -> Tensor:
        maps = self.stem(image).relu()
        return self.fc(torch.cat([self.one(maps), self.two(maps)], 1))


KINDS = {each.__name__: each for each in (Residual, Dense, Depthwise, Tokens, Shared)}


@dataclass(frozen=True)
class Pair:
    """One network twice."""

    module: TorchAdapter
    file: OnnxAdapter

    @property
    def shared(self) -> list[str]:
        """Layers that both know."""
        known = {layer.name for layer in self.module.layers()}
        return [layer.name for layer in self.file.layers() if layer.name in known]


def seeded(kind: type[nn.Module]) -> nn.Module:
    """An instance whose weights and statistics all matter, the same every time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = kind().eval()
        for name, each in module.named_buffers():
            if "running" in name:
                each.add_(torch.rand_like(each))
    return module


def export(module: nn.Module, path: Path, how: str) -> Path:
    """Write by today's exporter (`new`), the same for one image (`fixed`), or the `old` one.

    `two` is the old one, which follows one run, with two images in it.
    """
    images = torch.rand(2, 3, SIZE, SIZE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        if how in ("old", "two"):
            given = images if how == "two" else images[:1]
            axes = {"image": {0: "batch"}}
            torch.onnx.export(
                module, (given,), path, dynamo=False, input_names=["image"], dynamic_axes=axes
            )
        else:
            free = {} if how == "fixed" else {"dynamic_shapes": ({0: torch.export.Dim.DYNAMIC},)}
            given = images[:1] if how == "fixed" else images
            torch.onnx.export(module, (given,), path, dynamo=True, verbose=False, **free)
        logging.disable(logging.NOTSET)
    return path


def options(**given: object) -> ModelOptions:
    """On the CPU, images of SIZE pixels."""
    said = {"size": (SIZE, SIZE), **dict(given.pop("input", {}))}  # type: ignore[call-overload]
    return ModelOptions(device="cpu", input=said, **given)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Pair]:
    """A network by name and exporter, exported once for all tests."""
    kept: dict[tuple[str, str], Pair] = {}

    def named(name: str, how: str = "new") -> Pair:
        if (name, how) not in kept:
            module = seeded(KINDS[name])
            path = export(module, tmp_path_factory.mktemp("onnx") / f"{name}.onnx", how)
            kept[name, how] = Pair(open_module(module, options()), open_model(str(path), options()))
        return kept[name, how]

    return named


def hand_made(
    nodes: list[onnx.NodeProto],
    weights: dict[str, np.ndarray],
    image: tuple[int | str, ...] = ("n", 3, SIZE, SIZE),
    scores: tuple[int | str, ...] = ("n", 4),
    opset: int = 17,
    ir_version: int = 8,
) -> ModelProto:
    """A model of these nodes from `image` to `scores`."""
    graph = helper.make_graph(
        nodes,
        "hand made",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, image)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, scores)],
        [numpy_helper.from_array(each, name) for name, each in weights.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=ir_version)


def small(**given: object) -> ModelProto:
    """Convolution, rectifier, global mean, linear layer."""
    generator = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return generator.normal(size=shape).astype(np.float32)

    nodes = [
        helper.make_node(
            "Conv", ["image", "kernel"], ["hidden"], strides=[2, 2], pads=[0, 0, 1, 1]
        ),
        helper.make_node("Relu", ["hidden"], ["active"]),
        helper.make_node("GlobalAveragePool", ["active"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "matrix"], ["scores"]),
    ]
    return hand_made(nodes, {"kernel": normal(5, 3, 3, 3), "matrix": normal(5, 4)}, **given)  # type: ignore[arg-type]


@pytest.fixture(name="small")
def give_small() -> Callable[..., ModelProto]:
    """What makes the small model."""
    return small


@pytest.fixture(name="hand_made")
def give_hand_made() -> Callable[..., ModelProto]:
    """What makes a model of given nodes."""
    return hand_made


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., OnnxAdapter]:
    """Save a model and open it."""

    def open_it(model: ModelProto, **given: object) -> OnnxAdapter:
        path = tmp_path / "model.onnx"
        onnx.save(model, path)
        return open_model(str(path), options(**given))

    return open_it
