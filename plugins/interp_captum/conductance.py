"""Conductance of a layer's channels, by Captum's LayerConductance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from interp.evidence import Evidence
from interp.params import Params
from interp.spec import Capability, Layer
from interp_captum.bridge import captum
from interp_captum.layer import LayerParams, out_of_place
from interp_captum.method import BASELINE, CaptumMethod, Fill, View

if TYPE_CHECKING:
    from torch import Tensor


class ConductanceParams(LayerParams):
    """Conductance's parameters."""

    steps: int = Field(50, ge=2, description="parts of the path along which slopes are taken")
    baseline: Fill = BASELINE


@dataclass(frozen=True)
class LayerConductance(CaptumMethod):
    """What flows through each unit of a layer as the image grows out of a plain one.

    Of unit y: integral over the straight path from b to x of d score / d y * d y, so that all
    units of a layer that everything passes add up to score(x) - score(b). Summed over channels it
    is a map, over cells each channel's importance. K. Dhamdhere, M. Sundararajan, Q. Yan: How
    Important is a Neuron?, ICLR 2019. The path is cut evenly, ends included.
    """

    Params: ClassVar[type[Params]] = ConductanceParams
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.PREDICT, Capability.GRADIENTS, Capability.MODULE}
    )

    params: ConductanceParams

    def find(self, view: View) -> tuple[Evidence, ...]:
        """The map and the channels."""
        layer = view.model.map_layer(self.params.layer)
        units = self._conductance(view, layer)[0].float()  # (C, gh, gw)
        cells = units.sum(0)
        if self.params.positive:
            cells = cells.relu()
        values = view.placement.grid_to_input(cells.cpu().numpy(), layer.field)
        heatmap = view.heatmap(values, "score per cell", layer.name, not self.params.positive)
        return heatmap, view.channels(units.sum((1, 2)), layer.name)

    def _conductance(self, view: View, layer: Layer) -> Tensor:
        """Each unit's, (1, C, gh, gw)."""
        module = view.model.module()
        batch = max(2, view.score.batch)  # slopes belong to pairs of neighbouring points
        steps = view.score.context.samples(self.params.steps)
        view.score.total = steps + -(-steps // (batch - 1))  # batches share a point
        with out_of_place(module):
            found: Tensor = (
                captum()
                .LayerConductance(view.score.recorded, module.get_submodule(layer.name))
                .attribute(
                    view.pixels.clone(),
                    baselines=view.colour(self.params.baseline),
                    n_steps=steps,
                    method="riemann_trapezoid",
                    internal_batch_size=batch,
                )
            )
        return found.detach()
