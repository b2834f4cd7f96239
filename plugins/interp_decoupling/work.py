"""Multiply-adds for an image: of the plain network, and of the filters that are on."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from interp.spec import Plain
from interp.training.recording import Call, recording
from interp_decoupling.control import Controlled, controlled
from interp_decoupling.only import PAYS
from interp_decoupling.path import split
from interp_decoupling.structure import Place


class LayerWork(Plain):
    """A controlled convolution of n filters on c channels; `each` pair of them costs k^2 h' w'.

    `module` is what its controlling module costs, the pooling of its inputs included.
    """

    each: int
    channels: int
    module: int
    fed: tuple[str, ...]


class Work(Plain):
    """All convolutions and linear layers; batch norms and activations are not counted.

    `rest` is not gated: stem, classifier, convolutions without a module.
    """

    layers: dict[str, LayerWork]
    rest: int

    def plain(self, filters: dict[str, int]) -> int:
        """Multiply-adds of the plain network, without modules."""
        return self.rest + sum(
            each.each * each.channels * filters[name] for name, each in self.layers.items()
        )

    def on(self, codes: np.ndarray, filters: dict[str, int]) -> np.ndarray:
        """Multiply-adds (N,) of the filters on in codes (N, F), and of the modules.

        Inputs count only where the channels that they come from are on.
        """
        counts = {name: part.sum(1) for name, part in split(codes, filters).items()}
        total = np.full(len(codes), self.rest, np.int64)
        for name, layer in self.layers.items():
            inputs = sum(counts[each] for each in layer.fed) if layer.fed else layer.channels
            total += layer.each * inputs * counts[name] + layer.module
        return total

    def share(self, codes: np.ndarray, filters: dict[str, int]) -> np.ndarray:
        """`on` over `plain`, (N,)."""
        return np.asarray(self.on(codes, filters) / self.plain(filters))

    def skipping(self, filters: dict[str, int]) -> int:
        """Number of layers large enough that skipping filters saves time on a CPU."""
        return sum(
            each.each * each.channels * filters[name] >= PAYS for name, each in self.layers.items()
        )


def count_work(network: nn.Module, places: tuple[Place, ...], size: tuple[int, int]) -> Work:
    """Multiply-adds on one image of this size; the network is in evaluation mode."""
    first, layers = next(network.parameters()), controlled(network)
    inner = {id(part) for each in layers.values() for part in each.modules()}
    others = {
        name: part
        for name, part in network.named_modules()
        if isinstance(part, nn.Conv2d | nn.Linear) and id(part) not in inner
    }
    with torch.no_grad(), recording({**layers, **others}) as calls:
        network(torch.zeros(1, 3, *size, device=first.device, dtype=first.dtype))
    fed = {place.name: place.fed for place in places}
    counted = {
        name: _layer_work(layer, calls[name][-1], fed[name]) for name, layer in layers.items()
    }
    rest = sum(_plain_work(others[name], call) for name in others for call in calls[name])
    return Work(layers=counted, rest=rest)


def _layer_work(layer: Controlled, call: Call, fed: tuple[str, ...]) -> LayerWork:
    inputs, area = call.inputs[0], layer.convolution.weight[0, 0].numel()
    module = layer.control.reduce.weight.numel() + layer.control.expand.weight.numel()
    cells = call.output[0, 0].numel()
    return LayerWork(
        each=area * cells, channels=inputs.shape[1], module=module + inputs[0].numel(), fed=fed
    )


def _plain_work(part: nn.Conv2d | nn.Linear, call: Call) -> int:
    outputs = call.output[0].numel()
    if isinstance(part, nn.Conv2d):
        return part.weight[0].numel() * outputs
    return part.weight.numel() * (outputs // part.out_features)
