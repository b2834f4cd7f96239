"""Multiply-adds that an image costs: of the plain network, and of the filters that are on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from interp_decoupling.control import controlled
from interp_decoupling.only import PAYS
from interp_decoupling.path import split

if TYPE_CHECKING:
    from interp_decoupling.structure import Place


@dataclass(frozen=True)
class LayerWork:
    """A controlled convolution of n filters on c channels: k^2 h' w' for each pair of them.

    `module` is what its controlling module costs, the pooling of its inputs included.
    """

    each: int
    channels: int
    module: int
    fed: tuple[str, ...]


@dataclass(frozen=True)
class Work:
    """All convolutions and linear layers; batch norms and activations are not counted.

    `rest` is what no gate touches: stem, classifier, convolutions without a module.
    """

    layers: dict[str, LayerWork]
    rest: int

    def plain(self, filters: dict[str, int]) -> int:
        """Of the plain network, without modules."""
        return self.rest + sum(
            each.each * each.channels * filters[name] for name, each in self.layers.items()
        )

    def on(self, codes: np.ndarray, filters: dict[str, int]) -> np.ndarray:
        """Of images with these codes (N, F): on filters, from channels that are on; modules too."""
        counts = {name: part.sum(1) for name, part in split(codes, filters).items()}
        total = np.full(len(codes), self.rest, np.int64)
        for name, layer in self.layers.items():
            inputs = sum(counts[each] for each in layer.fed) if layer.fed else layer.channels
            total += layer.each * inputs * counts[name] + layer.module
        return total

    def share(self, codes: np.ndarray, filters: dict[str, int]) -> np.ndarray:
        """`on` over `plain`, (N,)."""
        found: np.ndarray = self.on(codes, filters) / self.plain(filters)
        return found

    def skipping(self, filters: dict[str, int]) -> int:
        """Layers large enough that leaving filters out saves time on a CPU."""
        return sum(
            each.each * each.channels * filters[name] >= PAYS for name, each in self.layers.items()
        )

    def facts(self) -> dict[str, Any]:
        """Fit for JSON."""
        return asdict(self)

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Work:
        """What `facts` told."""
        layers = {
            name: LayerWork(**{**each, "fed": tuple(each["fed"])})
            for name, each in facts["layers"].items()
        }
        return cls(layers, facts["rest"])


def count_work(network: nn.Module, places: tuple[Place, ...], size: tuple[int, int]) -> Work:
    """Counted on one black image of this size; the network is in evaluation mode."""
    first = next(network.parameters())
    layers = controlled(network)
    fed = {place.name: place.fed for place in places}
    inner = {id(part) for each in layers.values() for part in each.modules()}
    counted: dict[str, LayerWork] = {}
    rest = [0]

    def note(name: str, part: nn.Module, inputs: Tensor, output: Tensor) -> None:
        if name in layers:
            counted[name] = _layer_work(layers[name], inputs, output, fed[name])
        elif id(part) not in inner:
            rest[0] += _plain_work(part, output)

    with torch.no_grad(), _noting(network, note):
        network(torch.zeros(1, 3, *size, device=first.device, dtype=first.dtype))
    return Work({name: counted[name] for name in layers}, rest[0])


def _layer_work(layer: Any, inputs: Tensor, output: Tensor, fed: tuple[str, ...]) -> LayerWork:
    area = layer.convolution.weight[0, 0].numel() * output[0, 0].numel()
    module = layer.control.reduce.weight.numel() + layer.control.expand.weight.numel()
    return LayerWork(area, inputs.shape[1], module + inputs[0].numel(), fed)


def _plain_work(part: nn.Module, output: Tensor) -> int:
    if isinstance(part, nn.Conv2d):
        return part.weight[0].numel() * output[0].numel()
    if isinstance(part, nn.Linear):
        return part.weight.numel() * (output[0].numel() // part.out_features)
    return 0


@contextmanager
def _noting(network: nn.Module, note: Any) -> Iterator[None]:
    with ExitStack() as stack:
        for name, each in network.named_modules():
            if isinstance(each, (nn.Conv2d, nn.Linear)) or name in controlled(network):
                handle = each.register_forward_hook(
                    lambda part, inputs, output, name=name: note(name, part, inputs[0], output)
                )
                stack.callback(handle.remove)
        yield
