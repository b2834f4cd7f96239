"""The explainer's initial weights: from the seed, or copied from the performer's layers."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from interp.errors import InputError
from interp.model import ModelAdapter
from interp.spec import Capability
from interp.training.samples import BATCH, Samples
from interp_explainer.network import ExplainerNetwork, build
from interp_explainer.params import ExplainerParams
from interp_explainer.performer import Performer
from interp_explainer.structure import in_units

REMEDY = "leave out --start copied"


def initial_network(
    performer: Performer, learning: Samples, params: ExplainerParams, seed: int
) -> ExplainerNetwork:
    """The network before training, as params.start says."""
    if params.start == "drawn":
        return build(performer.structure, params, seed)
    few = learning.images(np.arange(min(BATCH, len(learning)))).float() / 255
    maps, goals = performer.activations(few.to(performer.model.spec.device))
    if params.start == "scaled":
        return build(in_units(performer.structure, maps, goals), params, seed)
    network = build(performer.structure, params, seed).to(maps.device)
    copy_performer(network, performer.model, maps)
    return network


def copy_performer(network: ExplainerNetwork, model: ModelAdapter, maps: Tensor) -> None:
    """Copy the performer's next convolution to both tracks, and its linear layers to the decoder.

    Maps F (B, C, h, w) of some images set the norms; the decoder's first layer is multiplied,
    channel by channel, by what the norm divides by. UnsupportedError or InputError for a performer
    that has no such layers.
    """
    if Capability.MODULE not in model.capabilities:
        raise model.lacks(Capability.MODULE, "--start copied")
    names, layers = [each.name for each in model.layers()], network.structure.layers
    between = names[names.index(layers[0]) + 1 : names.index(layers[-1]) + 1]
    modules = [model.module().get_submodule(name) for name in between]
    convolution = _next_convolution(network, modules)
    linears = [each for each in modules if isinstance(each, nn.Linear)]
    steps = [part for part in network.decoder.modules() if isinstance(part, nn.Linear)]
    shapes, wanted = ([each.weight.shape for each in group] for group in (linears, steps))
    if not steps or shapes[: len(steps)] != wanted:
        raise InputError(
            f"{model.spec.name}'s layers after {layers[0]} are not a convolution "
            f"and the fully connected layers that are rebuilt; {REMEDY}"
        )
    with torch.no_grad():
        _copy(network.interp1, convolution)
        _copy(network.ordinary, convolution)
        for step, linear in zip(steps, linears, strict=False):
            _copy(step, linear)
        network.train()(maps)
        cells = steps[0].weight.view(len(steps[0].weight), network.structure.filters, -1)
        cells *= network.norm_ordinary.alpha[None, :, None]
    network.eval()


def _next_convolution(network: ExplainerNetwork, modules: list[nn.Module]) -> nn.Conv2d:
    """The first convolution, with a batch normalisation that directly follows folded in."""
    single = [each for each in modules if not list(each.children())]
    for each, follows in zip(single, [*single[1:], None], strict=True):
        if isinstance(each, nn.Conv2d):
            if each.weight.shape != network.ordinary.weight.shape or each.stride != (1, 1):
                break
            if isinstance(follows, nn.BatchNorm2d):
                return nn.utils.fuse_conv_bn_eval(each, follows)
            return each
    raise InputError(
        f"the performer's next convolution is not 3 x 3 of {network.structure.filters} filters; "
        f"{REMEDY}, or choose another --layer"
    )


def _copy(part: nn.Conv2d | nn.Linear, source: nn.Conv2d | nn.Linear) -> None:
    assert part.bias is not None  # noqa: S101 - every layer of the explainer has one
    part.weight.copy_(source.weight)
    part.bias.copy_(torch.zeros_like(part.bias) if source.bias is None else source.bias)
