"""Grad-CAM, by Captum's LayerGradCam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from interp.evidence import Evidence
from interp.method import Params
from interp.spec import Capability
from interp_captum.bridge import captum
from interp_captum.layer import LayerParams, map_layer
from interp_captum.method import CaptumMethod, View


@dataclass(frozen=True)
class GradCam(CaptumMethod):
    """A layer's maps A_k, weighed by the mean slope of the score on each: sum_k w_k A_k.

    w_k = mean over cells of d score / d A_k. R. R. Selvaraju et al.: Grad-CAM, ICCV 2017, which
    keeps the positive part only (`positive`).
    """

    Params: ClassVar[type[Params]] = LayerParams
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.PREDICT, Capability.GRADIENTS, Capability.MODULE}
    )

    params: LayerParams

    def find(self, view: View) -> tuple[Evidence, ...]:
        """The weighted sum of the layer's maps."""
        layer = map_layer(view.model, self.params.layer)
        part = view.model.module().get_submodule(layer.name)
        found = (
            captum()
            .LayerGradCam(view.score.recorded, part)
            .attribute(view.pixels.clone().requires_grad_(), relu_attributions=self.params.positive)
        )  # (1, 1, gh, gw)
        cells = found[0, 0].detach().float().cpu().numpy()
        values = view.placement.grid_to_input(cells, layer.field)
        signed = not self.params.positive
        return (view.heatmap(values, "gradient x activation", layer.name, signed),)
