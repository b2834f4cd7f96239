"""The frozen network: maps that are explained and features that are rebuilt, as activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp_explainer.structure import Structure, flat

if TYPE_CHECKING:
    from torch import Tensor

    from interp.model import ModelAdapter
    from interp.spec import InputSpec


@dataclass(frozen=True, eq=False)
class Performer:
    """A model asked for activations alone, so that any adapter's will do."""

    model: ModelAdapter
    structure: Structure

    def look(self, images: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """F (B, C, h, w) and the goals x*, of RGB in [0, 1] (B, 3, ., .)."""
        found = self.model.activations(images, self.structure.layers)
        goals = tuple(flat(found[goal.layer], goal) for goal in self.structure.goals)
        return found[self.structure.layer].float(), goals

    def scores(self, image: Tensor, rebuilt: Tensor) -> Tensor:
        """The model's own scores (B, K), were its last goal `rebuilt` (B, ...) on this image."""
        import torch

        cut = self.model.cut(self.structure.goals[-1].layer)
        frontier = cut.prefix(image[None])
        shape = frontier.activation.shape[1:]
        found = [cut.suffix(frontier, each.reshape(-1, *shape)) for each in rebuilt.split(64)]
        return torch.cat(found)


def decode(images: Tensor, spec: InputSpec) -> Tensor:
    """What interp.network.preprocess.encode was given: RGB in [0, 1], (B, 3, h, w)."""
    mean, std = (images.new_tensor(each).view(1, 3, 1, 1) for each in (spec.mean, spec.std))
    found = images * std + mean
    return found.flip(1) if spec.order == "BGR" else found
