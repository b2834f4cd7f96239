"""Controlling modules put into a network, and the registered builder that puts them there again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import nn

from interp.errors import ModelError
from interp_decoupling.binarise import Mixture
from interp_decoupling.control import Control, Controlled
from interp_decoupling.structure import Place

if TYPE_CHECKING:
    from interp_decoupling.params import DecouplingParams


class Layout(BaseModel):
    """What a derived model's recipe says: the places, and what their modules are like."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    places: tuple[Place, ...] = ()
    reduction: int = 4
    mixture: Mixture = "samples"
    noise: float = 1.0


def build(network: nn.Module, params: dict[str, object]) -> nn.Module:
    """The registered builder: the base with controlling modules. Weights come afterwards."""
    try:
        layout = Layout.model_validate(params)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ModelError(
            f"found {params}; expected places to control: {where}: {first['msg']}"
        ) from error
    return insert(network, layout)


def insert(network: nn.Module, layout: Layout) -> nn.Module:
    """The network, altered: each place's convolution and batch norm in one controlled layer.

    An identity stays where the batch norm was. torch's global generator is put back.
    """
    with torch.random.fork_rng(devices=[]):
        for place in layout.places:
            convolution = network.get_submodule(place.name)
            if not isinstance(convolution, nn.Conv2d):
                found = type(convolution).__name__
                raise ModelError(f"{place.name} is a {found}; expected a convolution")
            norm = network.get_submodule(place.norm) if place.norm else nn.Identity()
            control = _control(convolution, layout)
            layer = Controlled(convolution, norm, control, place.rectified, bool(place.fed))
            _put(network, place.name, layer.train(network.training))
            if place.norm:
                _put(network, place.norm, nn.Identity().train(network.training))
    return network


def begin(network: nn.Module, places: Sequence[Place], params: DecouplingParams, seed: int) -> None:
    """First weights of the controlling modules, drawn by the seed on the CPU."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for place in places:
            control: Any = network.get_submodule(place.name).control
            kept = next(control.parameters()).device
            control.cpu().begin(params.start or "zero")
            control.to(kept)


def _control(convolution: nn.Conv2d, layout: Layout) -> Control:
    """On the convolution's device."""
    made = Control(
        convolution.in_channels,
        convolution.out_channels,
        layout.reduction,
        layout.mixture,
        layout.noise,
    )
    return made.to(convolution.weight.device, convolution.weight.dtype)


def _put(network: nn.Module, name: str, part: nn.Module) -> None:
    place, _, last = name.rpartition(".")
    setattr(network.get_submodule(place), last, part)
