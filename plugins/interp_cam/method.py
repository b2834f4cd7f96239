"""The mechanism of the CAM family: maps of one or several layers, weighed, fused and placed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from interp.context import Context
from interp.errors import InputError
from interp.evidence import Heatmap
from interp.explanation import Explanation
from interp.method import PerImageMethod
from interp.model import ModelAdapter
from interp.network.placement import Placement
from interp.params import Params
from interp.spec import Capability, Layer
from interp.target import Target
from interp_cam.fusion import SHARE, Fusion, fuse
from interp_cam.noise import NoisyMaps
from interp_cam.slopes import Slopes
from interp_cam.views import Views, batch_size

if TYPE_CHECKING:
    from torch import Tensor

Aims = list[list[Target]]
"""What is differentiated: for each image one entry for each target."""


class CamParams(Params):
    """Parameters of every class activation map."""

    layer: str | None = Field(
        None, description="layer whose channels are weighted; default: the last one with a grid"
    )
    positive: bool = Field(
        False, description="keep only positive values, which support the target (ReLU)"
    )
    layers: tuple[str, ...] = Field(
        (), max_length=64, description="several layers whose maps are fused, in place of layer"
    )
    fusion: Fusion = Field(
        "mean",
        description="what the maps of several layers become, each one's positive part scaled to "
        "0..1: their mean, maximum or product",
    )
    noise: float = Field(
        0.0,
        ge=0,
        le=1,
        description="standard deviation of the noise on copies of the image whose maps are "
        "averaged, as a share of the image's value range; 0: no copies",
    )
    copies: int = Field(
        16,
        ge=2,
        le=100_000,
        description="number of noisy copies of an image, where there is noise",
    )


class SlopeCamParams(CamParams):
    """Parameters of the class activation maps that weigh by slopes."""

    output: Literal["logit", "prob"] = Field(
        "logit", description="class score that is explained: the logit or the probability"
    )


@dataclass(frozen=True)
class Cam(PerImageMethod):
    """A class activation map: a layer's maps A_k times weights, summed over the channels k.

    Subclasses say what the weights are. What the papers leave open is ours: values keep their sign
    unless `positive`, each cell lies at the centre of its receptive field instead of being
    stretched over the image, several `layers` are fused, and with `noise` the map is the mean over
    noisy copies of the image, with its standard error.
    """

    Params = CamParams
    unit = "weight x activation"

    params: Any

    @abstractmethod
    def cells(self, views: Views, layer: Layer, aims: Aims, context: Context) -> Tensor:
        """Each image's weighted sum of the layer's maps for each target, (B, T, gh, gw)."""

    def aims(self, views: Views, layer: Layer, targets: Sequence[Target]) -> Aims:
        """What is differentiated for each image: here the targets themselves."""
        return [list(targets)] * len(views)

    def notes(self, model: ModelAdapter, aims: Sequence[Target]) -> tuple[str, ...]:
        """What a reader must know of what was differentiated for an image."""
        return ()

    def layers(self, model: ModelAdapter) -> list[Layer]:
        """The layers whose maps are weighed."""
        if self.params.layers and self.params.layer is not None:
            raise InputError(
                f"found layer {self.params.layer} beside layers {', '.join(self.params.layers)}; "
                "expected one of the two; name all of them in layers"
            )
        named = self.params.layers or (self.params.layer,)
        return [model.map_layer(each) for each in dict.fromkeys(named)]

    def explain_image(
        self, model: ModelAdapter, image: np.ndarray, targets: Sequence[Target], context: Context
    ) -> Explanation:
        """The map for each target."""
        return next(self.explain_images(model, [image], targets, context))

    def explain_images(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Target],
        context: Context,
    ) -> Iterator[Explanation]:
        """Each image's maps; images are run together, noisy copies of one image likewise."""
        import torch

        layers, (first, _) = self.layers(model), model.prepare(images[0])
        size = 1 if self.params.noise else batch_size(first, context)
        for start in range(0, len(images), size):
            context.out_of_time()
            prepared = [model.prepare(each) for each in images[start : start + size]]
            pixels, placements = zip(*prepared, strict=True)
            views = Views(model, torch.stack(pixels))
            aims = self.aims(views, layers[0], targets)
            shown = Shown(self, layers, placements[0], context)
            if self.params.noise:
                yield self._averaged(shown, views, aims, targets)
                continue
            for place, maps, own in zip(placements, shown.maps(views, aims), aims, strict=True):
                evidence = self._evidence(place, layers, targets, maps)
                yield Explanation(evidence, notes=self.notes(model, own))
            context.progress("images", start + len(prepared), len(images))

    def _averaged(
        self, shown: Shown, views: Views, aims: Aims, targets: Sequence[Target]
    ) -> Explanation:
        """The mean over noisy copies of one image."""
        noisy = NoisyMaps(self.params.noise, self.params.copies, shown.context)
        maps, errors = noisy.average(views, lambda copies: shown.maps(copies, aims * len(copies)))
        names = [each.name for each in targets]
        scores, notes = noisy.trust(names, maps, errors)
        evidence = self._evidence(shown.placement, shown.layers, targets, maps, errors)
        notes = (*self.notes(views.model, aims[0]), *notes)
        return Explanation(evidence, noisy.count, scores, notes)

    def _evidence(
        self,
        placement: Placement,
        layers: Sequence[Layer],
        targets: Sequence[Target],
        maps: np.ndarray,
        errors: np.ndarray | None = None,
    ) -> tuple[Heatmap, ...]:
        """Maps (T, h, w) over the network's input as heatmaps over the image."""
        several = len(layers) > 1
        return tuple(
            Heatmap(
                name="map",
                target=target.name,
                layer=" + ".join(each.name for each in layers),
                values=placement.to_image(maps[at]),
                signed=not (self.params.positive or several),
                unit=SHARE if several else self.unit,
                standard_error=None if errors is None else placement.to_image(errors[at]),
            )
            for at, target in enumerate(targets)
        )


@dataclass(frozen=True, eq=False)
class Shown:
    """How a method's maps of some layers become one map over the network's input."""

    method: Cam
    layers: Sequence[Layer]
    placement: Placement
    context: Context

    def maps(self, views: Views, aims: Aims) -> np.ndarray:
        """Maps of all layers as one, (B, T, h, w) float32."""
        found = [self._one(views, layer, aims) for layer in self.layers]
        return fuse(found, self.method.params.fusion) if len(found) > 1 else found[0]

    def _one(self, views: Views, layer: Layer, aims: Aims) -> np.ndarray:
        """One layer's maps, each cell at the centre of its receptive field, (B, T, h, w)."""
        cells = self.method.cells(views, layer, aims, self.context)
        positive = self.method.params.positive or len(self.layers) > 1
        grids = (cells.clamp(min=0) if positive else cells).cpu().numpy()
        raised = [self.placement.grid_to_input(g, layer.field) for each in grids for g in each]
        return np.stack(raised).reshape(*grids.shape[:2], *self.placement.size)


@dataclass(frozen=True)
class SlopeCam(Cam):
    """A class activation map whose weights are made of the slopes of the target's score."""

    Params = SlopeCamParams
    needs = frozenset({Capability.PREDICT, Capability.CUT})
    unit = "gradient x activation"

    @abstractmethod
    def weigh(self, maps: Tensor, slopes: Slopes) -> Tensor:
        """The weighted sum of maps (1 or R, C, gh, gw) by slopes of R rows, (R, gh, gw)."""

    def cells(self, views: Views, layer: Layer, aims: Aims, context: Context) -> Tensor:
        """One image for all its targets at once; several, where the cut takes them, by target."""
        import torch

        cut, frontier = views.at(layer.name)
        if len(views) > 1 and not cut.one_pass:
            each = zip(views.singly(), aims, strict=True)
            return torch.cat([self.cells(one, layer, [own], context) for one, own in each])
        rows = aims if len(views) == 1 else [list(each) for each in zip(*aims, strict=True)]
        maps = frontier.activation.float()
        found = [
            self.weigh(maps, Slopes(cut, frontier, row, self.params.output, context))
            for row in rows
        ]  # for each target (B, gh, gw); of one image (T, gh, gw)
        return torch.stack(found, 0 if len(views) == 1 else 1)
