"""Grad-CAM by directional derivatives at a layer, so that it needs no backward pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from interp.context import Context
from interp.evidence import Heatmap
from interp.explanation import Explanation
from interp.method import PerImageMethod
from interp.model import Cut, Frontier, ModelAdapter
from interp.params import Params
from interp.spec import Capability
from interp.target import Target

if TYPE_CHECKING:
    from torch import Tensor

CHANNELS = 64
"""Most directions differentiated at once; a run can be stopped in between."""
BYTES = 1 << 25
"""Memory that the directions differentiated at once may take."""


class GradCamParams(Params):
    """Grad-CAM's parameters."""

    output: Literal["logit", "prob"] = Field(
        "logit", description="class score that is explained: the logit or the probability"
    )
    layer: str | None = Field(
        None, description="layer whose channels are weighted; default: the last one with a grid"
    )
    positive: bool = Field(
        False, description="keep only positive values, which support the target (ReLU)"
    )


@dataclass(frozen=True)
class GradCam(PerImageMethod):
    """A layer's maps A_k, weighed by the mean slope of the score on each: sum_k w_k A_k.

    w_k = mean over cells of d score / d A_k, which is the derivative along the direction that is
    1 / cells all over channel k and 0 elsewhere. R. R. Selvaraju et al.: Grad-CAM, ICCV 2017,
    which keeps the positive part only (`positive`).
    """

    Params = GradCamParams
    needs = frozenset({Capability.PREDICT, Capability.CUT})

    params: GradCamParams

    def explain_image(
        self, model: ModelAdapter, image: np.ndarray, targets: Sequence[Target], context: Context
    ) -> Explanation:
        """The weighted sum of the layer's maps for each target."""
        cut = model.cut(model.map_layer(self.params.layer).name)
        pixels, placement = model.prepare(image)
        frontier = cut.prefix(pixels[None])
        maps = frontier.activation[0].float()  # (C, gh, gw)
        weights = self._weights(cut, frontier, targets, context).to(maps)  # (C, T)
        evidence = []
        for target, cells in zip(targets, weights.T @ maps.flatten(1), strict=True):
            cells = cells.clamp(min=0) if self.params.positive else cells
            grid = cells.reshape(maps.shape[1:]).cpu().numpy()
            heatmap = Heatmap(
                name="map",
                target=target.name,
                layer=cut.layer.name,
                values=placement.to_image(placement.grid_to_input(grid, cut.layer.field)),
                signed=not self.params.positive,
                unit="gradient x activation",
            )
            evidence.append(heatmap)
        return Explanation(tuple(evidence))

    def _weights(
        self, cut: Cut, frontier: Frontier, targets: Sequence[Target], context: Context
    ) -> Tensor:
        """Mean slope of each target's score on each channel, (C, T)."""
        import torch

        slopes: list[Tensor] = []
        for directions in _channel_directions(frontier.activation):
            context.out_of_time()
            slopes.append(cut.derivative(frontier, directions, targets, self.params.output))
            context.progress("channels", sum(map(len, slopes)), frontier.activation.shape[1])
        return torch.cat(slopes)


def _channel_directions(activation: Tensor) -> Iterator[Tensor]:
    """For every channel the direction that is 1 / cells all over it, (M, C, gh, gw) at a time."""
    import torch

    _, channels, rows, columns = activation.shape
    batch = max(1, min(CHANNELS, BYTES // max(activation[0].nbytes, 1)))
    for chosen in torch.arange(channels, device=activation.device).split(batch):
        directions = torch.zeros(len(chosen), *activation.shape[1:], device=activation.device)
        directions[torch.arange(len(chosen)), chosen] = 1 / (rows * columns)
        yield directions
