"""Insertion of controlling modules into a network, and the registered builder that repeats it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from pydantic import ValidationError
from torch import nn

from interp.errors import ModelError
from interp.spec import Plain
from interp.training.task import seeded
from interp_decoupling.control import Control, Controlled, Mixture
from interp_decoupling.params import DecouplingParams
from interp_decoupling.structure import Place


class Layout(Plain):
    """Recipe of a decoupled model: the controlled places, and parameters of their modules."""

    places: tuple[Place, ...] = ()
    reduction: int = 4
    mixture: Mixture = "samples"
    noise: float = 1.0


def build(network: nn.Module, params: dict[str, object]) -> nn.Module:
    """Registered builder: the base model with controlling modules, whose weights are set later."""
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
    """Put each place's convolution and batch norm into one controlled layer, in place.

    An identity stays where the batch norm was. torch's global generator is put back.
    """
    with torch.random.fork_rng(devices=[]):
        for place in layout.places:
            convolution = network.get_submodule(place.name)
            if not isinstance(convolution, nn.Conv2d):
                found = type(convolution).__name__
                raise ModelError(f"{place.name} is a {found}; expected a convolution")
            norm = network.get_submodule(place.norm) if place.norm else nn.Identity()
            control = Control(
                convolution.in_channels,
                convolution.out_channels,
                layout.reduction,
                layout.mixture,
                layout.noise,
            ).to(convolution.weight.device, convolution.weight.dtype)
            layer = Controlled(convolution, norm, control, place.rectified, bool(place.fed))
            network.set_submodule(place.name, layer.train(network.training))
            if place.norm:
                network.set_submodule(place.norm, nn.Identity().train(network.training))
    return network


def begin(network: nn.Module, places: Sequence[Place], params: DecouplingParams, seed: int) -> None:
    """Draw the first weights of the controlling modules by the seed, on the CPU."""
    with seeded(seed, torch.device("cpu")):
        for place in places:
            control: Any = network.get_submodule(place.name).control
            device = next(control.parameters()).device
            control.cpu().begin(params.start or "zero")
            control.to(device)
