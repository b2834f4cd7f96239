"""Base of the class activation maps whose weights are made of slopes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp.context import Context
from interp.engine.slopes import Slopes
from interp.model import ModelAdapter
from interp.spec import Capability, Layer
from interp.target import Target
from interp_cam.method import Aims, Cam
from interp_cam.params import SlopeCamParams
from interp_cam.views import Views

if TYPE_CHECKING:
    from torch import Tensor

KEPT = 4
"""What is kept from the prediction to the explanation takes at most this part of the memory."""

REASON = "what follows has an operation that PyTorch lacks, or does not answer alike in PyTorch"


@dataclass(frozen=True)
class SlopeCam(Cam):
    """A class activation map whose weights are made of the slopes of the target's score."""

    Params = SlopeCamParams
    needs = frozenset({Capability.PREDICT, Capability.CUT})
    unit = "gradient x activation"

    @abstractmethod
    def weigh(self, maps: Tensor, slopes: Slopes) -> Tensor:
        """The weighted sum of maps (1 or R, C, gh, gw) by slopes of R rows, (R, gh, gw)."""

    def images_at_once(self, model: ModelAdapter, context: Context) -> int:
        """One where a cut is passed once for each value: that fills a batch by itself."""
        layers = self.layers(model)
        passed_once = all(model.cut(each.name).one_pass for each in layers)
        return super().images_at_once(model, context) if passed_once else 1

    def scores(
        self, model: ModelAdapter, images: Sequence[np.ndarray], context: Context
    ) -> Tensor | None:
        """By what follows the first layer; what leads there is kept, as far as memory allows."""
        import torch

        layer = self.layers(model)[0]
        if self.params.noise or layer.cut != "graph" or not model.cut(layer.name).one_pass:
            return None
        found, kept = [], []
        for portion in self.portions(model, images, context):
            views = portion.views
            found.append(views.scores(layer.name))
            if len(images) * views.nbytes <= len(views) * context.budget.memory // KEPT:
                kept.append(portion)
        context.kept["portions"] = kept
        return torch.cat(found)

    def notes(self, model: ModelAdapter, aims: Sequence[Target]) -> tuple[str, ...]:
        names = [each.name for each in self.layers(model) if not model.cut(each.name).one_pass]
        return (f"slopes at {', '.join(names)} are differences of scores: {REASON}",) * bool(names)

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
