"""RefineCAM: a deep layer's map multiplied by those of shallower, finer layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from interp.engine.slopes import Slopes
from interp.errors import UnsupportedError
from interp.model import ModelAdapter
from interp.spec import Layer
from interp_cam.fusion import Fusion
from interp_cam.params import SlopeCamParams
from interp_cam.slope_cam import SlopeCam
from interp_cam.weighting import WEIGHTINGS, Weighting

if TYPE_CHECKING:
    from torch import Tensor

STAGES = 4
"""Most layers that are multiplied by default, the deepest ones."""


class RefineCamParams(SlopeCamParams):
    """RefineCAM's parameters."""

    layer: str | None = Field(
        None,
        description="the deepest layer of those chosen by default, the last of each size of grid; "
        "default: the last one with a grid",
    )
    fusion: Fusion = Field(
        "product",
        description="what the maps of several layers become, each one's positive part scaled to "
        "0..1: their mean, maximum or product",
    )
    weighting: Weighting = Field(
        "gradcam-plusplus", description="method of the CAM family that weighs each layer's maps"
    )


@dataclass(frozen=True)
class RefineCam(SlopeCam):
    """`prod_l M_l`: the deep map tells which object, the shallow ones where its edges are.

    `M_l` is the positive part of layer l's class activation map, scaled to 0..1 and enlarged to
    the input. What any layer finds empty stays empty. L. Domeniconi et al.: How to Evaluate and
    Refine your CAM, 2026, by Grad-CAM++ at the stages of a network; CHIP's refined maps are the
    same product of its own maps. The choice of layers is ours: the last one of each size of grid,
    of those that lie in the fewest blocks, and at most four.
    """

    Params = RefineCamParams

    params: RefineCamParams

    def weigh(self, maps: Tensor, slopes: Slopes) -> Tensor:
        return WEIGHTINGS[self.params.weighting](self.params).weigh(maps, slopes)

    def layers(self, model: ModelAdapter) -> list[Layer]:
        if self.params.layers:
            return super().layers(model)
        deepest = model.map_layer(self.params.layer)
        stages: dict[object, Layer] = {}
        for each in model.maps():
            best = stages.get(each.grid)
            if best is None or each.name.count(".") <= best.name.count("."):
                stages[each.grid] = each
            if each.name == deepest.name:
                break
        stages[deepest.grid] = deepest
        if len(stages) < 2:
            raise UnsupportedError(
                f"refinecam multiplies maps of several sizes; those of {model.spec.name} up to "
                f"{deepest.name} are all {deepest.grid}; name some layers in layers"
            )
        return list(stages.values())[-STAGES:]
