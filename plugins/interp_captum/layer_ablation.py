"""Ablation of a layer's channels, by Captum's LayerFeatureAblation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from interp.evidence import Evidence
from interp.params import Params
from interp.spec import Capability, Layer
from interp_captum.bridge import captum
from interp_captum.layer import LayerParams, out_of_place
from interp_captum.method import CaptumMethod, View

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class LayerAblation(CaptumMethod):
    """A layer's maps A_k, weighed by what the score loses without each: sum_k w_k A_k.

    w_k = score - score with channel k set to zero. After S. Desai, H. G. Ramaswamy:
    Ablation-CAM, WACV 2020, which divides w_k by the score and keeps the positive part
    (`positive`). The whole network is run again for each channel, as Captum does.
    """

    Params: ClassVar[type[Params]] = LayerParams
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.PREDICT, Capability.ACTIVATIONS, Capability.MODULE}
    )

    params: LayerParams

    def find(self, view: View) -> tuple[Evidence, ...]:
        """The weighted sum of the layer's maps, and the weights."""
        layer = view.model.map_layer(self.params.layer)
        weights = self._importance(view, layer).float()  # (C,)
        maps = view.model.activations(view.pixels, [layer.name])[layer.name][0]  # (C, gh, gw)
        cells = (weights[:, None, None] * maps).sum(0)
        if self.params.positive:
            cells = cells.relu()
        values = view.placement.grid_to_input(cells.float().cpu().numpy(), layer.field)
        signed = not self.params.positive
        heatmap = view.heatmap(values, "importance x activation", layer.name, signed)
        return heatmap, view.channels(weights, layer.name)

    def _importance(self, view: View, layer: Layer) -> Tensor:
        """score - score without channel k, (C,)."""
        import torch

        module = view.model.module()
        view.score.total = layer.channels + 2  # Captum asks twice for the whole network's answer
        ablation = captum().LayerFeatureAblation(view.score.plain, module.get_submodule(layer.name))
        channels = torch.arange(layer.channels, device=view.pixels.device).view(1, -1, 1, 1)
        with out_of_place(module):
            found = ablation.attribute(
                view.pixels, layer_mask=channels, perturbations_per_eval=view.score.batch
            )  # (1, C, gh, gw), equal over a channel's cells
        importance: Tensor = found[0, :, 0, 0]
        return importance
