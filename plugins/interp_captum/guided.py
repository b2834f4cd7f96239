"""Guided backprop, by Captum's GuidedBackprop, and guided Grad-CAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp.errors import UnsupportedError
from interp.network.layout import to_maps
from interp.spec import Layer
from interp.training.recording import recording
from interp_captum.bridge import captum, out_of_place
from interp_captum.hooked import ScoreModule
from interp_captum.method import HOOKS, LAYER, CaptumInput
from interp_captum.saliency import GradientParams, Slopes

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class GuidedBackprop(Slopes):
    """The gradient on the image, with every negative slope set to zero on its way past a ReLU.

    `R = max(R', 0) [f > 0]` for a ReLU of input f, where R' is the slope on its output. J. T.
    Springenberg, A. Dosovitskiy, T. Brox, M. Riedmiller: Striving for Simplicity, ICLR Workshop
    2015. Other activations keep their own slopes. It shows edges that strong features need, and
    much the same ones for every class.
    """

    needs = HOOKS
    together = True
    unit = "guided slope"
    passes = 2

    def attributions(self, given: CaptumInput, images: Tensor) -> Tensor:
        """Guided slopes."""
        return guided_gradient(given, images)


class GuidedGradCamParams(GradientParams):
    """Guided Grad-CAM's parameters."""

    layer: str | None = LAYER


@dataclass(frozen=True)
class GuidedGradCam(Slopes):
    """The fine detail of guided backprop where Grad-CAM's map speaks for the target.

    Guided slopes times `max(sum_k w_k A_k, 0)`, `w_k` the mean slope on channel k of the layer's
    maps `A_k`. R. R. Selvaraju et al.: Grad-CAM, ICCV 2017. Ours is that the cells lie at the
    centres of their receptive fields, where Captum stretches the grid.
    """

    Params = GuidedGradCamParams
    needs = HOOKS
    together = True
    unit = "guided slope x Grad-CAM"
    passes = 3

    params: GuidedGradCamParams

    def layer(self, given: CaptumInput) -> str:
        """The layer of Grad-CAM's map."""
        return given.model.map_layer(self.params.layer).name

    def attributions(self, given: CaptumInput, images: Tensor) -> Tensor:
        """Guided slopes times the map of each image."""
        layer = given.model.map_layer(self.params.layer)
        slopes, maps = guided_gradient(given, images), _gradcam(given, layer, images)
        for slope, cells in zip(slopes, maps, strict=True):
            grid = cells.float().cpu().numpy()
            slope *= given.model.to_device(given.placement.grid_to_input(grid, layer.field))
        return slopes


def _gradcam(given: CaptumInput, layer: Layer, images: Tensor) -> Tensor:
    """max(sum_k w_k A_k, 0) with w_k the mean slope on channel k of each image, (B, gh, gw)."""
    import torch

    part = given.hooked_layer(layer)
    with out_of_place(given.model.module()), recording({layer.name: part}) as calls:
        score = given.score.with_gradient(images.clone().requires_grad_())
        output = calls[layer.name][0].output
        (slope,) = torch.autograd.grad(score.sum(), output)
    maps, slopes = to_maps(layer, output.detach()), to_maps(layer, slope)
    return (slopes.mean((2, 3))[:, :, None, None] * maps).sum(1).relu()


def guided_gradient(given: CaptumInput, images: Tensor) -> Tensor:
    """Guided slopes (B, 3, h, w); UnsupportedError where a rectifier cannot be hooked."""
    from interp_captum.hooked import hooking

    with hooking(given.score) as hooked:
        _check_rectifiers(hooked, given, images)
        found: Tensor = captum().GuidedBackprop(hooked).attribute(images.clone())
    return found.detach()


def _check_rectifiers(hooked: ScoreModule, given: CaptumInput, images: Tensor) -> None:
    """Raise UnsupportedError unless there are rectifiers and each is a module."""
    from torch import nn

    from interp_captum.hooked import graph_nodes, observe

    runs, score = observe(hooked, images)
    modules = {each.node for each in runs if each.kind is nn.ReLU}
    free = [e for e in graph_nodes(score) if "Relu" in e.name() and e not in modules]
    if free or not modules:
        found = f"{len(free)} that are function calls" if free else "none"
        raise UnsupportedError(
            f"guided backprop hooks rectifiers that are modules (nn.ReLU); found {found} in "
            f"{given.model.spec.name}; use saliency or smoothgrad"
        )
