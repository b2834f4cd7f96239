"""A builder: the same network with softplus in place of every ReLU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp.errors import ModelError

if TYPE_CHECKING:
    from torch import nn


def build(network: nn.Module, params: dict[str, object]) -> nn.Module:
    """Replace every ReLU by log(1 + exp(beta z)) / beta, whose slopes are smooth.

    A.-K. Dombrowski et al.: Explanations can be manipulated and geometry is to blame, NeurIPS
    2019. Raises ModelError for a beta that is no positive number.
    """
    from torch import nn

    beta = params.get("beta", 10.0)
    if not isinstance(beta, int | float) or beta <= 0:
        raise ModelError(f"found beta {beta!r}; expected a positive number, such as 10")
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.ReLU):
                setattr(parent, name, nn.Softplus(beta))
    return network
