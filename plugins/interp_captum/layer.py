"""Captum's methods that explain a layer's channels: conductance and ablation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from interp.evidence import Evidence
from interp.network.layout import to_maps
from interp.spec import Capability, Layer
from interp_captum.bridge import captum, out_of_place
from interp_captum.method import (
    BASELINE,
    HOOKS,
    LAYER,
    MOST_STEPS,
    CaptumInput,
    CaptumMethod,
    CaptumParams,
    Fill,
    path_steps,
)

if TYPE_CHECKING:
    from torch import Tensor


class LayerParams(CaptumParams):
    """Parameters of a method that explains a layer's map."""

    layer: str | None = LAYER
    positive: bool = Field(
        False, description="keep only positive values, which support the target (ReLU)"
    )


class ConductanceParams(LayerParams):
    """Conductance's parameters."""

    steps: int = Field(50, ge=2, le=MOST_STEPS, description="number of steps along the path")
    baseline: Fill = BASELINE


@dataclass(frozen=True)
class LayerConductance(CaptumMethod):
    """What flows through each unit of a layer as the image grows out of a plain one.

    Of unit y: the integral of `d score / d y * d y` over the straight path from b to x, so that
    all units of a layer that everything passes add up to `score(x) - score(b)`. Summed over
    channels it is a map, over cells each channel's importance. K. Dhamdhere, M. Sundararajan, Q.
    Yan: How Important is a Neuron?, ICLR 2019. The path is cut evenly, ends included.
    """

    Params = ConductanceParams
    needs = HOOKS

    params: ConductanceParams

    def attribute(self, given: CaptumInput) -> tuple[Evidence, ...]:
        """The map and the channels."""
        layer = given.model.map_layer(self.params.layer)
        units = self._conductance(given, layer)[0].float()  # (C, gh, gw)
        cells, channels = units.sum(0), units.sum((1, 2))
        return given.layer_evidence(cells, channels, layer, "score per cell", self.params.positive)

    def _conductance(self, given: CaptumInput, layer: Layer) -> Tensor:
        """The conductance of each unit, (1, C, gh, gw)."""
        module, score = given.model.module(), given.score
        batch = max(2, score.batch)  # slopes belong to pairs of neighbouring points
        steps = path_steps(score.context, self.params.steps)
        score.total = steps + -(-steps // (batch - 1))  # batches share a point
        conductance = captum().LayerConductance(score.with_gradient, given.hooked_layer(layer))
        with out_of_place(module):
            found: Tensor = conductance.attribute(
                given.pixels.clone(),
                baselines=given.plain_image(self.params.baseline),
                n_steps=steps,
                method="riemann_trapezoid",
                internal_batch_size=batch,
            )
        return to_maps(layer, found.detach())


@dataclass(frozen=True)
class LayerAblation(CaptumMethod):
    """A layer's maps `A_k`, weighed by what the score loses without each: `sum_k w_k A_k`.

    `w_k` = score - score with channel k set to zero. After S. Desai, H. G. Ramaswamy:
    Ablation-CAM, WACV 2020, which divides `w_k` by the score and keeps the positive part
    (`positive`). The whole network is run again for each channel, as Captum does.
    """

    Params = LayerParams
    needs = frozenset({Capability.PREDICT, Capability.ACTIVATIONS, Capability.MODULE})

    params: LayerParams

    def attribute(self, given: CaptumInput) -> tuple[Evidence, ...]:
        """The weighted sum of the layer's maps, and the weights."""
        layer = given.model.map_layer(self.params.layer)
        weights = self._weights(given, layer).float()  # (C,)
        maps = given.model.activations(given.pixels, [layer.name])[layer.name][0]  # (C, gh, gw)
        cells = (weights[:, None, None] * maps).sum(0)
        unit = "importance x activation"
        return given.layer_evidence(cells, weights, layer, unit, self.params.positive)

    def _weights(self, given: CaptumInput, layer: Layer) -> Tensor:
        """The score less the score without channel k, (C,)."""
        import torch

        module, score = given.model.module(), given.score
        score.total = layer.channels + 2  # Captum scores the whole network twice
        ablation = captum().LayerFeatureAblation(score.without_gradient, given.hooked_layer(layer))
        axes = {"NHWC": (1, 1, 1, -1), "tokens": (1, 1, -1)}.get(layer.layout, (1, -1, 1, 1))
        channels = torch.arange(layer.channels, device=given.pixels.device).view(axes)
        with out_of_place(module):
            found: Tensor = ablation.attribute(
                given.pixels, layer_mask=channels, perturbations_per_eval=score.batch
            )  # equal over a channel's cells
        return to_maps(layer, found)[0, :, 0, 0]
