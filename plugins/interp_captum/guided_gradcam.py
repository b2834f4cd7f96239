"""Guided backprop seen through Grad-CAM, by Captum's two methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from interp.evidence import Evidence
from interp.params import Params
from interp.spec import Capability
from interp_captum.bridge import captum
from interp_captum.colour import ColourParams, over_colours
from interp_captum.guided_backprop import guided
from interp_captum.layer import LAYER
from interp_captum.method import CaptumMethod, View

if TYPE_CHECKING:
    from torch import Tensor

    from interp.spec import Layer


class GuidedGradCamParams(ColourParams):
    """Guided Grad-CAM's parameters."""

    layer: str | None = LAYER


@dataclass(frozen=True)
class GuidedGradCam(CaptumMethod):
    """The fine detail of guided backprop where Grad-CAM's map speaks for the target.

    Guided slopes times max(sum_k w_k A_k, 0), w_k the mean slope on channel k of the layer's maps
    A_k. R. R. Selvaraju et al.: Grad-CAM, ICCV 2017. Ours is that the cells lie at the centres of
    their receptive fields, where Captum stretches the grid.
    """

    Params: ClassVar[type[Params]] = GuidedGradCamParams
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.PREDICT, Capability.GRADIENTS, Capability.MODULE}
    )

    params: GuidedGradCamParams

    def find(self, view: View) -> tuple[Evidence, ...]:
        """Each pixel's guided slope, weighed by the map."""
        layer = view.model.map_layer(self.params.layer)
        slopes = over_colours(guided(view), self.params.signed)
        cells = _gradcam(view, layer)[0, 0].float().cpu().numpy()
        values = slopes * view.placement.grid_to_input(cells, layer.field)
        unit = "guided slope x Grad-CAM"
        return (view.heatmap(values, unit, layer.name, self.params.signed),)


def _gradcam(view: View, layer: Layer) -> Tensor:
    """The positive part of the weighted sum of maps, (1, 1, gh, gw)."""
    part = view.model.module().get_submodule(layer.name)
    view.score.total = 3
    found: Tensor = (
        captum()
        .LayerGradCam(view.score.recorded, part)
        .attribute(view.pixels.clone().requires_grad_(), relu_attributions=True)
    )
    return found.detach()
