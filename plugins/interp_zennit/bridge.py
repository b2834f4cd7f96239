"""The bridge to Zennit: its modules, its composites by name, and a canonizer for a network."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any, Literal

from interp.errors import PluginError
from interp.network.preprocess import encode
from interp.spec import InputSpec

Composite = Literal["epsilon", "epsilon-plus", "epsilon-gamma-box", "alpha2-beta1"]


def zennit(part: str) -> ModuleType:
    """Zennit's module of that name; PluginError where Zennit is not installed."""
    try:
        return import_module(f"zennit.{part}")
    except ImportError as error:
        raise PluginError(
            "Zennit, which this needs, cannot be imported; pip install 'interp[zennit]'"
        ) from error


def composite(
    name: Composite, spec: InputSpec, canonizer: Any, epsilon: float, gamma: float, zero_bias: bool
) -> Any:
    """Zennit's composite of that name: a rule for each kind of module.

    `epsilon` and `gamma` are the rules' own; `zero_bias` leaves biases without relevance.
    """
    found = zennit("composites")
    given: dict[str, Any] = {"canonizers": [canonizer]}
    given["zero_params"] = ["bias"] if zero_bias else None
    if name == "epsilon-plus":
        return found.EpsilonPlus(epsilon=epsilon, **given)
    if name == "alpha2-beta1":
        return found.EpsilonAlpha2Beta1(epsilon=epsilon, **given)
    if name == "epsilon-gamma-box":
        low, high = box(spec)
        return found.EpsilonGammaBox(low=low, high=high, epsilon=epsilon, gamma=gamma, **given)
    rule = zennit("rules").Epsilon(epsilon=epsilon, zero_params=given["zero_params"])
    layers = [*found.layer_map_base(), (zennit("types").Linear, rule)]  # convolutions, too
    return found.LayerMapComposite(layers, canonizers=[canonizer])


def box(spec: InputSpec) -> tuple[Any, Any]:
    """The least and the largest values of the network's input, (1, C, 1, 1) each.

    They are those of black and white pixels, per channel.
    """
    import torch

    plain = torch.zeros(1, spec.channels, *spec.size)
    ends = (encode(plain, spec), encode(plain + 1, spec))
    return tuple(each[..., :1, :1] for each in ends)  # type: ignore[return-value]


def canonizer(network: Any) -> Any:
    """What merges batch norms into the linear layers before them; for torchvision's ResNets more.

    Their blocks add tensors, which becomes a module with a rule of its own.
    """
    try:
        found = zennit("torchvision")
        resnet = import_module("torchvision.models.resnet").ResNet
    except ImportError:  # Zennit's own need
        return zennit("canonizers").SequentialMergeBatchNorm()
    return found.ResNetCanonizer() if isinstance(network, resnet) else found.VGGCanonizer()
