"""A model of two convolutions that offers every capability: fast, exact and easy to read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from interp.cut import Cut, Frontier, Output
from interp.engine.random import content_key
from interp.model import ModelAdapter
from interp.spec import Capability, InputSpec, Layer, ModelSpec, ReceptiveField
from interp.target import Target

if TYPE_CHECKING:
    from torch import Tensor, nn

SIZE = 32


class ToyModel(ModelAdapter):
    """A model of 3 classes: conv1 3 -> 4, conv2 4 -> 6 (stride 2), ReLU, mean, linear; seeded."""

    capabilities = frozenset(Capability)

    def __init__(self, seed: int = 0, size: int = SIZE) -> None:
        self.seed = seed
        self.spec = ModelSpec(
            name="toy",
            source="interp.testing:ToyModel",
            input=InputSpec(size=(size, size), mean=(0.5,) * 3, std=(0.5,) * 3),
            activation="softmax",
            classes=("ant", "bee", "cat"),
            device="cpu",
            fingerprint=f"toy-{seed}",
        )

    @cached_property
    def net(self) -> nn.Sequential:
        """The layers, with weights drawn from the seed; the global generator is left as it was."""
        import torch
        from torch import nn

        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            first = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU())
            second = nn.Sequential(nn.Conv2d(4, 6, 3, 2, 1), nn.ReLU())
            last = nn.Linear(6, 3)
        last.weight.data *= 20
        pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return nn.Sequential(OrderedDict(conv1=first, conv2=second, pool=pool, head=last)).eval()

    def module(self) -> nn.Module:
        return self.net

    def predict(self, images: Tensor) -> Tensor:
        import torch

        with torch.no_grad():
            return self.net(self._normalise(images))

    def forward(self, images: Tensor) -> Tensor:
        import torch

        with torch.enable_grad():
            return self.net(self._normalise(images))

    def layers(self) -> list[Layer]:
        size = self.spec.input.size[0]
        return [
            Layer(
                name=name,
                kind="ReLU",
                layout="NCHW",
                channels=channels,
                grid=(size // step, size // step),
                field=ReceptiveField(size=(seen, seen), stride=(step, step), offset=(0.5, 0.5)),
                cost_after=after,
                cut="graph",
            )
            for name, channels, step, seen, after in (
                ("conv1", 4, 1, 3, 0.33),
                ("conv2", 6, 2, 5, 0.01),
            )
        ]

    def activations(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        return {name: self.cut(name).prefix(images).activation for name in layers}

    def cut(self, layer: str) -> ToyCut:
        return ToyCut(self, self.layer(layer))

    def to_device(self, values: np.ndarray) -> Tensor:
        import torch

        return torch.from_numpy(values)

    def _normalise(self, images: Tensor) -> Tensor:
        return (images - 0.5) / 0.5


class ToyCut(Cut):
    """The toy model split after conv1 or conv2 (with its ReLU)."""

    def __init__(self, model: ToyModel, layer: Layer) -> None:
        self.model, self.layer = model, layer
        self.at = 1 if layer.name == "conv1" else 2

    def prefix(self, images: Tensor) -> Frontier:
        import torch

        with torch.no_grad():
            activation = self.model.net[: self.at](self.model._normalise(images))
        key = content_key(self.model.spec.fingerprint, self.layer.name, images.numpy())
        return Frontier(activation, (), len(images), key)

    def suffix(self, frontier: Frontier, activation: Tensor) -> Tensor:
        import torch

        with torch.no_grad():
            return self.model.net[self.at :](activation)

    def derivative(
        self, frontier: Frontier, directions: Tensor, targets: Sequence[Target], output: Output
    ) -> Tensor:
        import torch

        leaf = frontier.activation.detach().clone().requires_grad_()
        scores = self.model.probabilities(self.model.net[self.at :](leaf), output)[0]
        slopes = [
            torch.autograd.grad(target.select(scores), leaf, retain_graph=True)[0][0]
            for target in targets
        ]
        return torch.einsum("mchw,tchw->mt", directions, torch.stack(slopes))
