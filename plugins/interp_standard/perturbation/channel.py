"""A layer's channels: closed one by one, or as masks over the image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from interp.context import Context
from interp.engine.channel import AblationDesign
from interp.engine.component import Experiment, Perturbation
from interp.engine.design import GateSubject, ImageSubject, MaskDesign, SingleDesign
from interp.engine.random import content_key
from interp.evidence import ChannelImportance, Evidence, Heatmap
from interp.model import ModelAdapter
from interp.params import Params
from interp.spec import Capability, Layer
from interp_standard.perturbation.image import FillParams, cover

if TYPE_CHECKING:
    from torch import Tensor


class ChannelParams(Params):
    """Parameters of the layer."""

    layer: str | None = Field(
        None, description="layer whose channels are weighted; default: the last one with a grid"
    )
    positive: bool = Field(
        False, description="keep only positive values, which support the target (ReLU)"
    )


class ChannelMaskParams(ChannelParams, FillParams):
    """Parameters of the layer and of the fill where a channel's map is dark."""


@dataclass(frozen=True, eq=False)
class ChannelExperiment(Experiment):
    """An experiment on a layer's channels, with their maps (C, gh, gw)."""

    layer: Layer
    maps: Tensor


class ChannelPerturbation(Perturbation):
    """Switches channels on and off; shows their importance as the weighted sum of their maps."""

    def to_evidence(
        self,
        experiment: Experiment,
        values: np.ndarray,
        error: np.ndarray | None,
        about: dict[str, Any],
    ) -> list[Evidence]:
        """sum_k w_k A_k over the image, and the channels' weights w."""
        assert isinstance(experiment, ChannelExperiment)  # noqa: S101 - bind made it
        weights = experiment.maps.new_tensor(values)
        cells = (weights[:, None, None] * experiment.maps).sum(0)
        if self.params.positive:
            cells = cells.relu()
        layer, placement = experiment.layer, experiment.placement
        grid = placement.grid_to_input(cells.float().cpu().numpy(), layer.field)
        unit = f"{about.pop('unit')} x activation"
        about |= {"layer": layer.name}
        shown, signed = placement.to_image(grid), not self.params.positive
        return [
            Heatmap(name="map", values=shown, signed=signed, unit=unit, **about),
            ChannelImportance(name="channels", values=values, standard_error=error, **about),
        ]


class Channels(ChannelPerturbation):
    """A layer's channels, each closed alone; only what follows the layer is run again.

    The map is `sum_k w_k A_k`, `A_k` the layer's maps and `w_k` what is found for channel k.

    S. Desai, H. G. Ramaswamy: Ablation-CAM, WACV 2020, which divides by the score and keeps the
    positive part.
    """

    Params = ChannelParams
    needs = frozenset({Capability.PREDICT, Capability.CUT})

    def bind(
        self, model: ModelAdapter, image: np.ndarray, count: int, context: Context
    ) -> Experiment:
        layer = model.map_layer(self.params.layer)
        cut = model.cut(layer.name)
        pixels, placement = model.prepare(image)
        frontier = cut.prefix(pixels[None])
        activation = frontier.activation
        design = AblationDesign(layer.channels, activation.device)
        subject = GateSubject(model, cut, frontier)
        return ChannelExperiment(subject, design, placement, layer, activation[0].float())


@dataclass(frozen=True, eq=False)
class ChannelMaskDesign(SingleDesign, MaskDesign):
    """Each channel's map alone, enlarged and scaled to [0, 1], shows the image."""

    pixels: Tensor
    fill: Tensor
    maps: Tensor
    rows: Tensor
    """Bilinear weights (h, gh)."""
    columns: Tensor  # (w, gw)
    shown = True

    @property
    def parts(self) -> int:  # type: ignore[override]
        return len(self.maps)

    @cached_property
    def key(self) -> str:  # type: ignore[override]
        arrays = (each.cpu().numpy() for each in (self.pixels, self.fill, self.maps, self.rows))
        return content_key(*arrays, "channel masks")

    def masks(self, states: Tensor) -> Tensor:
        raised = self.rows @ self.maps[states.argmax(1)] @ self.columns.T  # (B, h, w)
        low, high = raised.amin((1, 2), keepdim=True), raised.amax((1, 2), keepdim=True)
        scaled = (raised - low) / (high - low).clamp_min(1e-12)
        on = states.sum(1)[:, None, None]
        return scaled.masked_fill(on == 0, 0).masked_fill(on == self.parts, 1)

    def paint(self, weights: np.ndarray) -> np.ndarray:
        values = self.maps.new_tensor(weights)[:, None, None] * self.maps
        painted: np.ndarray = (self.rows @ values.sum(0) @ self.columns.T).cpu().numpy()
        return painted


class ChannelMasks(ChannelPerturbation):
    """The image seen through one channel's map after another.

    Channel k's map `A_k`, enlarged to the image and scaled to [0, 1], is the mask `m_k`: the
    network sees `m_k x + (1 - m_k) fill`. The map is `sum_k w_k A_k`, `w_k` what is found for
    channel k.

    H. Wang et al.: Score-CAM, CVPR Workshops 2020. Maps are enlarged by the layer's receptive
    field rather than stretched (ours).
    """

    Params = ChannelMaskParams
    needs = frozenset({Capability.PREDICT, Capability.ACTIVATIONS})

    def bind(
        self, model: ModelAdapter, image: np.ndarray, count: int, context: Context
    ) -> Experiment:
        layer = model.map_layer(self.params.layer)
        pixels, placement = model.prepare(image)
        maps = model.activations(pixels[None], [layer.name])[layer.name][0].float()
        rows, columns = (
            pixels.new_tensor(placement.interpolation(axis, maps.shape[1:], layer.field))
            for axis in (0, 1)
        )
        fill = cover(self.params, model, pixels)
        design = ChannelMaskDesign(pixels, fill, maps, rows, columns)
        subject = ImageSubject(model, pixels, placement)
        return ChannelExperiment(subject, design, placement, layer, maps)
