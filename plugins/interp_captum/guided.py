"""Guided backprop, by Captum's GuidedBackprop, and guided Grad-CAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp.errors import UnsupportedError
from interp.evidence import Evidence
from interp.network.layout import to_maps
from interp.spec import Layer
from interp.training.recording import recording
from interp_captum.bridge import captum, out_of_place
from interp_captum.hooked import ScoreModule
from interp_captum.method import HOOKS, LAYER, CaptumInput, CaptumMethod
from interp_captum.saliency import GradientParams, over_colours

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class GuidedBackprop(CaptumMethod):
    """The gradient on the image, with every negative slope set to zero on its way past a ReLU.

    R = max(R', 0) [f > 0] for a ReLU of input f, where R' is the slope on its output.
    J. T. Springenberg, A. Dosovitskiy, T. Brox, M. Riedmiller: Striving for Simplicity, ICLR
    Workshop 2015. Other activations keep their own slopes. It shows edges that strong features
    need, and much the same ones for every class.
    """

    Params = GradientParams
    needs = HOOKS

    params: GradientParams

    def attribute(self, given: CaptumInput) -> tuple[Evidence, ...]:
        """Each pixel's guided slope."""
        values = over_colours(guided_gradient(given), self.params.signed)
        return (given.heatmap(values, "guided slope", signed=self.params.signed),)


class GuidedGradCamParams(GradientParams):
    """Guided Grad-CAM's parameters."""

    layer: str | None = LAYER


@dataclass(frozen=True)
class GuidedGradCam(CaptumMethod):
    """The fine detail of guided backprop where Grad-CAM's map speaks for the target.

    Guided slopes times max(sum_k w_k A_k, 0), w_k the mean slope on channel k of the layer's maps
    A_k. R. R. Selvaraju et al.: Grad-CAM, ICCV 2017. Ours is that the cells lie at the centres of
    their receptive fields, where Captum stretches the grid.
    """

    Params = GuidedGradCamParams
    needs = HOOKS

    params: GuidedGradCamParams

    def attribute(self, given: CaptumInput) -> tuple[Evidence, ...]:
        """Each pixel's guided slope times the map."""
        layer = given.model.map_layer(self.params.layer)
        slopes = over_colours(guided_gradient(given), self.params.signed)
        grid = _gradcam(given, layer).float().cpu().numpy()
        values = slopes * given.placement.grid_to_input(grid, layer.field)
        unit = "guided slope x Grad-CAM"
        return (given.heatmap(values, unit, layer.name, self.params.signed),)


def _gradcam(given: CaptumInput, layer: Layer) -> Tensor:
    """max(sum_k w_k A_k, 0) with w_k the mean slope on channel k, (gh, gw)."""
    import torch

    given.score.total = 3
    part = given.hooked_layer(layer)
    with out_of_place(given.model.module()), recording({layer.name: part}) as calls:
        score = given.score.with_gradient(given.pixels.clone().requires_grad_())
        output = calls[layer.name][0].output
        (slope,) = torch.autograd.grad(score.sum(), output)
    maps, slopes = to_maps(layer, output.detach())[0], to_maps(layer, slope)[0]
    return (slopes.mean((1, 2))[:, None, None] * maps).sum(0).relu()


def guided_gradient(given: CaptumInput) -> Tensor:
    """Guided slopes (3, h, w); UnsupportedError where a rectifier cannot be hooked."""
    from interp_captum.hooked import hooking

    given.score.total = 2
    with hooking(given.score) as hooked:
        _check_rectifiers(hooked, given)
        found: Tensor = captum().GuidedBackprop(hooked).attribute(given.pixels.clone())
    return found[0].detach()


def _check_rectifiers(hooked: ScoreModule, given: CaptumInput) -> None:
    """Raise UnsupportedError unless there are rectifiers and each is a module."""
    from torch import nn

    from interp_captum.hooked import graph_nodes, observe

    runs, score = observe(hooked, given.pixels)
    modules = {each.node for each in runs if each.kind is nn.ReLU}
    free = [e for e in graph_nodes(score) if "Relu" in e.name() and e not in modules]
    if free or not modules:
        found = f"{len(free)} that are function calls" if free else "none"
        raise UnsupportedError(
            f"guided backprop hooks rectifiers that are modules (nn.ReLU); found {found} in "
            f"{given.model.spec.name}; use saliency or smoothgrad"
        )
