"""The performer, the paper's word for the frozen network, and a cache of its activations."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from interp.context import Context
from interp.model import ModelAdapter
from interp.spec import InputSpec
from interp.training.samples import Samples
from interp_explainer.structure import Structure

Activations = tuple[Tensor, tuple[Tensor, ...]]
"""The maps F (B, C, h, w) that are read, and the goals x*: later features that are rebuilt."""


@dataclass(frozen=True, eq=False)
class Performer:
    """A frozen model of which only activations are asked, so that any adapter's will do."""

    model: ModelAdapter
    structure: Structure

    def activations(self, images: Tensor) -> Activations:
        """F and the goals for images (B, 3, h, w) RGB in [0, 1]; vectors are (B, C)."""
        found = self.model.activations(images, self.structure.layers)
        goals = (
            found[goal.layer].float() if goal.grid else found[goal.layer].float().flatten(1)
            for goal in self.structure.goals
        )
        return found[self.structure.layer].float(), tuple(goals)

    def scores(self, image: Tensor, rebuilt: Tensor) -> Tensor:
        """The model's scores (B, K) on an image (3, h, w) with its last goal replaced, (B, ...)."""
        cut = self.model.cut(self.structure.goals[-1].layer)
        frontier = cut.prefix(image[None])
        shape = frontier.activation.shape[1:]
        found = [cut.suffix(frontier, each.reshape(-1, *shape)) for each in rebuilt.split(64)]
        return torch.cat(found)


@dataclass(frozen=True, eq=False)
class CachedPerformer(Performer):
    """Looks activations up where every image of a batch is cached, and asks the model otherwise."""

    cache: dict[bytes, Activations]
    """Activations of one image by the hash of its pixels."""

    def activations(self, images: Tensor) -> Activations:
        found = [self.cache.get(key) for key in _hashes(images)]
        cached = [each for each in found if each is not None]
        if len(cached) < len(found):
            return super().activations(images)
        maps, goals = zip(*cached, strict=True)
        return torch.stack(maps), tuple(torch.stack(each) for each in zip(*goals, strict=True))


def cache_activations(
    performer: Performer, learning: Samples, held: Samples, flip: bool, context: Context
) -> Performer:
    """The performer with a cache of all images, and of mirrored training images if `flip`.

    On a CPU, if the cache fits the budget's memory. Elsewhere the performer itself: an accelerator
    computes activations faster than they could be copied. The order of images is fixed, so that a
    resumed training has the same numbers.
    """
    passes = [(learning, False), *([(learning, True)] if flip else []), (held, False)]
    count, structure = sum(len(samples) for samples, _ in passes), performer.structure
    shapes = [(structure.channels, structure.grid)]
    shapes += [(goal.channels, goal.grid or (1, 1)) for goal in structure.goals]
    size = 4 * sum(channels * height * width for channels, (height, width) in shapes)
    if performer.model.spec.device != "cpu" or count * size > context.budget.memory:
        return performer
    cache: dict[bytes, Activations] = {}
    for samples, mirrored in passes:
        for _, images in samples.batches(context, "caching activations"):
            batch = images.flip(3) if mirrored else images
            maps, goals = performer.activations(batch)
            singles = zip(*(each.clone() for each in goals), strict=True)
            cache.update(zip(_hashes(batch), zip(maps.clone(), singles, strict=True), strict=True))
    return CachedPerformer(performer.model, performer.structure, cache)


def decode(images: Tensor, spec: InputSpec) -> Tensor:
    """The inverse of interp.network.preprocess.encode: RGB in [0, 1], (B, 3, h, w)."""
    mean, std = (images.new_tensor(each).view(1, -1, 1, 1) for each in (spec.mean, spec.std))
    found = (images * std + mean).expand(-1, 3, -1, -1)
    return found.flip(1) if spec.order == "BGR" else found


def _hashes(images: Tensor) -> list[bytes]:
    """A hash of each image's pixels as uint8, which they were read as."""
    pixels = (images * 255).round().to(torch.uint8).cpu().numpy()
    return [hashlib.blake2b(each.tobytes(), digest_size=16).digest() for each in pixels]
