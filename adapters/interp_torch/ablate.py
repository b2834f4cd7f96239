"""One channel closed at a time: conv(a without a_k) = conv(a) - conv_k(a_k).

Where only convolutions read the layer, their answers to the whole layer are kept, and for each row
only the closed channel's own share is taken off: the suffix begins behind its first convolutions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, fx, nn

from interp_torch.fold import between


@dataclass(frozen=True, eq=False)
class Ablation:
    """The convolutions that read the layer, and rest(their outputs, *live) -> scores."""

    convolutions: tuple[nn.Conv2d, ...]
    rest: fx.GraphModule

    def answers(self, activation: Tensor) -> list[Tensor]:
        """What each convolution makes of the whole layer, (1, out, h, w)."""
        return [each(activation) for each in self.convolutions]

    def without(
        self, answers: Sequence[Tensor], activation: Tensor, closed: Tensor
    ) -> list[Tensor]:
        """What they make of it without channel closed[b], (B, out, h, w)."""
        maps = activation[:, closed]  # (1, B, h, w)
        return [
            whole - self._share(each, maps, closed)
            for each, whole in zip(self.convolutions, answers, strict=True)
        ]

    def _share(self, convolution: nn.Conv2d, maps: Tensor, closed: Tensor) -> Tensor:
        """conv_k(a_k) of each row's own channel k, without the bias, (B, out, h, w)."""
        kernels = convolution.weight[:, closed].transpose(0, 1)  # (B, out, kh, kw)
        found = nn.functional.conv2d(
            maps,
            kernels.flatten(0, 1).unsqueeze(1),
            stride=convolution.stride,
            padding=convolution.padding,
            dilation=convolution.dilation,
            groups=len(closed),
        )
        return found.unflatten(1, kernels.shape[:2])[0]


def find_ablation(suffix: fx.GraphModule) -> Ablation | None:
    """The suffix behind its first convolutions, where nothing else reads the layer."""
    crossing, *live = [node for node in suffix.graph.nodes if node.op == "placeholder"]
    nodes = list(crossing.users)
    found = [_convolution(suffix, node) for node in nodes]
    answer = next(iter(reversed(suffix.graph.nodes))).args[0]
    if not nodes or None in found or not isinstance(answer, fx.Node):
        return None
    return Ablation(
        tuple(each for each in found if each is not None),
        between(suffix, [*nodes, *live], answer),
    )


def single(gates: Tensor) -> Tensor:
    """Which rows of gates (B, C) close one channel and leave all others open, (B,) bool."""
    return ((gates == 0).sum(1) == 1) & ((gates == 1).sum(1) == gates.shape[1] - 1)


def _convolution(root: fx.GraphModule, node: fx.Node) -> nn.Conv2d | None:
    module: Any = root.get_submodule(str(node.target)) if node.op == "call_module" else None
    plain = type(module) is nn.Conv2d and module.groups == 1 and module.padding_mode == "zeros"
    return module if plain else None
