"""One image with what MINT reads of it: two layers' features, saliency, perturbed samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp.context import Context
from interp.cut import Cut, Frontier
from interp.engine.design import ImageSubject, RegionDesign, fill_bands
from interp.engine.moments import Moments
from interp.engine.respond import accumulate
from interp.model import ModelAdapter
from interp.network.placement import Placement
from interp.storage.pixel import to_picture
from interp.target import Target
from interp_mint.locality import locality
from interp_mint.params import MintParams
from interp_mint.saliency import channel_sum, deep_cut, saliency, shallow_layer

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class TwoScaleImage:
    """An image and the channel sums of a deep and a shallow layer, as maps (h, w) over the input.

    (h, w) is the size of the network's input, where `pixels` lie.
    """

    model: ModelAdapter
    pixels: Tensor
    placement: Placement
    cut: Cut
    frontier: Frontier
    deep: np.ndarray
    """sum_l A^l of the deep layer."""
    shallow: np.ndarray
    """sum_l A^l of the shallow layer."""
    shallow_name: str
    params: MintParams

    @classmethod
    def open(cls, model: ModelAdapter, image: np.ndarray, params: MintParams) -> TwoScaleImage:
        """Read both layers of an original image (H, W, 3) uint8."""
        if params.shallow:
            shallow = model.map_layer(params.shallow)
        else:
            shallow = shallow_layer(model, params.shallow_stride)
        pixels, placement = model.prepare(image)
        if params.deep:
            cut = model.cut(model.map_layer(params.deep).name)
            frontier = cut.prefix(pixels[None])
        else:
            cut, frontier = deep_cut(model, pixels)
        activation = model.activations(pixels[None], [shallow.name])[shallow.name]
        deep_sum = channel_sum(frontier.activation)
        return cls(
            model=model,
            pixels=pixels,
            placement=placement,
            cut=cut,
            frontier=frontier,
            deep=placement.grid_to_input(deep_sum, cut.layer.field),
            shallow=placement.grid_to_input(channel_sum(activation), shallow.field),
            shallow_name=shallow.name,
            params=params,
        )

    @property
    def picture(self) -> np.ndarray:
        """The network's input (h, w, 3) uint8 RGB, or as it is drawn."""
        values = self.pixels.permute(1, 2, 0).float().cpu().numpy()
        if values.shape[2] != 3:
            return to_picture(values, self.model.spec.input.bands)
        return np.ascontiguousarray((values * 255).round().clip(0, 255).astype(np.uint8))

    def saliency(self, target: Target, context: Context) -> np.ndarray:
        """The deep layer's support of the target, signed, (h, w)."""
        cells = saliency(self.model, self.cut, self.frontier, target, context)
        return self.placement.grid_to_input(cells, self.cut.layer.field)

    def moments(
        self,
        fine: np.ndarray,
        targets: Sequence[Target],
        context: Context,
        settled: Callable[[Moments], bool] | None = None,
    ) -> Moments:
        """Moments of the targets' probabilities while fine pieces (h, w) are off at random."""
        levels = {"grey": 0.5, "black": 0.0}
        level = self.pixels.new_tensor(levels.get(self.params.fill, self.model.spec.input.fill))
        fill = fill_bands(level.expand(len(self.pixels)), self.pixels, self.params.bands)
        design = RegionDesign(self.pixels, fine, fill, context.seed, "mint")
        subject = ImageSubject(self.model, self.pixels, self.placement)
        weighting = locality(design, self.params.sigma)
        count = context.samples(self.params.samples)
        return accumulate(
            context, subject, design, targets, weighting, "prob", count, settled=settled
        )
