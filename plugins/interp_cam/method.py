"""The mechanism of the CAM family: maps of one or several layers, weighed, fused and placed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.context import Context
from interp.errors import InputError
from interp.evidence import Heatmap
from interp.explanation import Explanation
from interp.knowledge import Knowledge
from interp.method import PerImageMethod
from interp.model import ModelAdapter
from interp.network.placement import Placement
from interp.spec import Layer
from interp.target import Target
from interp_cam.fusion import SHARE, fuse
from interp_cam.noise import NoisyMaps
from interp_cam.params import CamParams
from interp_cam.views import Portion, Views, batch_size

if TYPE_CHECKING:
    from torch import Tensor

Aims = list[list[Target]]
"""What is differentiated: for each image one entry for each target."""


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

    def aims(self, views: Views, layer: Layer, targets: Aims) -> Aims:
        """What is differentiated for each image: here its targets themselves."""
        return targets

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

    def portions(
        self, model: ModelAdapter, images: Sequence[np.ndarray], context: Context
    ) -> Iterator[Portion]:
        """The images as the network sees them, some at a time; noisy copies need one alone."""
        size = 1 if self.params.noise else batch_size(model, self.layers(model), context)
        kept: list[Portion] = context.kept.get("portions", [])
        for start in range(0, len(images), size):
            context.out_of_time()
            first = kept.pop(0) if kept else None
            chosen = images[start : start + size]
            yield first if first and first.shows(model, chosen) else Portion.of(model, chosen)

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
        return self.explain_each(model, images, [targets] * len(images), None, context)

    def images_at_once(self, model: ModelAdapter, context: Context) -> int:
        """As many as memory allows, of which each target takes one pass forth and back."""
        return 1 if self.params.noise else batch_size(model, self.layers(model), context)

    def explain_each(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Sequence[Target]],
        knowledge: Knowledge | None,
        context: Context,
    ) -> Iterator[Explanation]:
        """Each image's maps for targets of its own, of which all images have as many."""
        layers, done = self.layers(model), 0
        for portion in self.portions(model, images, context):
            views, placements = portion.views, portion.placements
            asked = [list(each) for each in targets[done : done + len(views)]]
            aims = self.aims(views, layers[0], asked)
            shown = Shown(self, layers, placements[0], context)
            done += len(views)
            if self.params.noise:
                yield self._averaged(shown, views, aims, asked[0])
                continue
            for at, maps in enumerate(shown.maps(views, aims)):
                evidence = self._evidence(placements[at], layers, asked[at], maps)
                yield Explanation(evidence, notes=self.notes(model, aims[at]))
            context.progress("images", done, len(images))

    def _averaged(
        self, shown: Shown, views: Views, aims: Aims, targets: Sequence[Target]
    ) -> Explanation:
        """The mean over noisy copies of one image."""
        batch = batch_size(views.model, shown.layers, shown.context)
        noisy = NoisyMaps(self.params.noise, self.params.copies, batch, shown.context)
        maps, errors = noisy.average(views, lambda copies: shown.maps(copies, aims * len(copies)))
        names = [each.name for each in targets]
        scores, unsettled = noisy.trust(names, maps, errors)
        evidence = self._evidence(shown.placement, shown.layers, targets, maps, errors)
        notes = (*self.notes(views.model, aims[0]), *unsettled)
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
