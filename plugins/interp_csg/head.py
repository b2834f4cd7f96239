"""A new last linear layer, for other classes."""

from __future__ import annotations

from torch import nn

from interp.errors import ModelError


def build(network: nn.Module, params: dict[str, object]) -> nn.Module:
    """Registered builder: the base model, perhaps with a new head; weights are set later."""
    if "linear" in params:
        linear, classes = params["linear"], params["classes"]
        if not isinstance(linear, str) or not isinstance(classes, int):
            raise ModelError(
                f"found {params}; expected linear, a layer's name, and classes, their number"
            )
        put_head(network, linear, classes)
    return network


def put_head(network: nn.Module, linear: str, classes: int) -> None:
    """Replace a linear layer by one with `classes` outputs, its weights not set."""
    old = network.get_submodule(linear)
    if not isinstance(old, nn.Linear):
        raise ModelError(f"{linear} is a {type(old).__name__}; expected a linear layer")
    new = nn.utils.skip_init(nn.Linear, old.in_features, classes, bias=old.bias is not None)
    network.set_submodule(linear, new.to(old.weight.device, old.weight.dtype))
