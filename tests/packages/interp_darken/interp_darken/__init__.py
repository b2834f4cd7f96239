"""An attack, and a builder: images get darker, and a network sees them so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp.errors import ModelError
from interp.method import Attack
from interp.model import ModelAdapter

if TYPE_CHECKING:
    from torch import Tensor, nn


class Darken(Attack):
    """x - eps, cut to [0, 1]."""

    def perturb(
        self, model: ModelAdapter, images: Tensor, labels: Tensor, eps: float, steps: int
    ) -> Tensor:
        """The images (B, 3, h, w), darker; `steps` is not used."""
        return (images - eps).clamp(0, 1)


def build(network: nn.Module, params: dict[str, object]) -> nn.Module:
    """The network behind a layer that multiplies its input by `share`."""
    from torch import nn

    share = params.get("share", 0.5)
    if not isinstance(share, int | float) or not 0 < share <= 1:
        raise ModelError(f"found share {share!r}; expected a number in (0, 1]")
    darker = nn.Conv2d(3, 3, 1, bias=False, groups=3)
    nn.init.constant_(darker.weight, float(share))
    return nn.Sequential(darker, network)
