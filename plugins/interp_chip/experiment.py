"""CHIP's experiment at a layer: networks with channels switched off, in pieces that add up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor

from interp.context import Context, no_progress
from interp.cut import Cut, Frontier
from interp.engine.channel import GateDesign
from interp.engine.design import GateSubject
from interp.engine.random import content_key
from interp.engine.respond import respond
from interp.model import ModelAdapter
from interp_chip.features import pooled
from interp_chip.moments import FOLDS, CellSums, Image
from interp_chip.params import ChipParams
from interp_chip.training_images import TrainingImage, TrainingImages

FIRST = 8
"""Number of chunks of masks from which the median distance in h is taken."""
BLOCK = 8
"""Largest number of chunks of masks in a piece."""
IMAGES, CELL = 32, 1 << 18
"""Largest number of images in a piece, and bytes of its sums for each of them."""


@dataclass(frozen=True)
class Piece:
    """Some images under some chunks of masks, of one cross-validation group each."""

    images: tuple[int, int]
    """The first image and the one after the last."""
    chunks: tuple[int, ...]
    last: bool
    """Whether the images have met all masks of the round after it."""


@dataclass(frozen=True)
class PieceSums:
    """What a piece adds to the moments: its images by name, and the sums over its pairs."""

    images: dict[str, Image]
    cell: CellSums


@dataclass(eq=False)
class LayerExperiment:
    """The scores of every training image under every mask of a layer's channels."""

    model: ModelAdapter
    layer: str
    images: TrainingImages
    params: ChipParams
    context: Context
    masks: int
    """Masks (perturbed networks) per image, over all rounds."""
    subjects: dict[int, tuple[Image, GateSubject]] = field(default_factory=dict)
    """By index the images of the last piece, up to the layer."""

    @cached_property
    def cut(self) -> Cut:
        """The model cut at the layer."""
        return self.model.cut(self.layer)

    @cached_property
    def design(self) -> GateDesign:
        """The random masks, the same for every image."""
        device = self.model.to_device(np.zeros(1, np.float32)).device
        channels = self.cut.layer.channels
        return GateDesign(channels, device, self.context.seed, keep=self.params.keep)

    @cached_property
    def key(self) -> str:
        """Content key of the moments; the same for every part of them."""
        spec, names = self.model.spec, [each.name for each in self.images.images]
        law = self.params.output, self.params.image_weight, self.params.locality, self.params.sigma
        facts = spec.fingerprint, spec.precision, spec.input, self.layer, self.images.classes
        return content_key(*facts, names, self.design.key, law, *spec.reading)

    @property
    def chunks(self) -> int:
        """Chunks of masks, over all rounds."""
        return -(-self.masks // self.design.chunk)

    def length(self, chunk: int) -> int:
        """Number of masks in a chunk."""
        return min(self.design.chunk, self.masks - chunk * self.design.chunk)

    def networks(self, piece: Piece) -> int:
        """Number of perturbed networks in a piece."""
        return (piece.images[1] - piece.images[0]) * sum(map(self.length, piece.chunks))

    def pieces(self, chunks: Sequence[int]) -> list[Piece]:
        """Every image under these chunks of masks, one image after the other."""
        blocks = [each for fold in range(FOLDS) for each in _blocks(chunks, fold)]
        return [
            Piece(run, block, last=block == blocks[-1]) for run in self._runs() for block in blocks
        ]

    def sums(self, piece: Piece) -> PieceSums:
        """Run a piece."""
        run = range(*piece.images)
        self.subjects = {at: self.subjects.get(at) or self._subject(at) for at in run}
        first, _ = self.subjects[run[0]]
        cell = CellSums.empty(first, piece.chunks[0], len(self.images.classes))
        for image, subject in self.subjects.values():
            self._add(cell, image, subject, piece.chunks)
        names = {self.images.images[at].name: self.subjects[at][0] for at in run}
        return PieceSums(names, cell)

    def mask_weights(self, states: Tensor) -> Tensor:
        """h(d) = exp(-||1 - d||^2 / sigma^2), (B,)."""
        distance = self.design.distance(states)
        if not self.params.locality:
            return distance.new_ones(len(distance))
        return (-distance / self._sigma_squared).exp()

    def _runs(self) -> Iterator[tuple[int, int]]:
        """Neighbouring images of one row and group; one alone where the time is limited."""
        size = 8 * len(self.images.classes) * self.design.parts // CELL
        limited = self.context.budget.seconds is not None
        most = 1 if limited else min(IMAGES, max(1, size))
        numbered = enumerate(self.images.images)
        for _, alike in groupby(numbered, lambda each: (each[1].row, each[1].group)):
            run = [at for at, _ in alike]
            yield from ((at, min(at + most, run[-1] + 1)) for at in run[::most])

    def _add(
        self, cell: CellSums, image: Image, subject: GateSubject, chunks: Sequence[int]
    ) -> None:
        """Add one image's scores under some chunks of masks."""
        classes = list(self.images.classes)
        rows = classes if image.row < 0 else [classes[image.row]]
        columns: slice | list[int] = slice(None) if rows == list(range(self._outputs)) else rows
        budget = self.context.budget.model_copy(update={"seconds": None})
        context = replace(self.context, budget=budget, progress=no_progress)
        others = set(range(chunks[-1])) - set(chunks)
        count = chunks[-1] * self.design.chunk + self.length(chunks[-1])
        found = list(respond(context, subject, self.design, self.params.output, count, others))
        states = torch.cat([each.states for each in found])
        scores = torch.cat([each.scores[:, columns] for each in found])
        cell.add(image, chunks[0], states, scores, self.mask_weights(states))

    def _subject(self, at: int) -> tuple[Image, GateSubject]:
        """An image's pooled features and weight, and what is perturbed of it."""
        member = self.images.images[at]
        pixels, _ = self.model.prepare(self.images.pixels(member))
        frontier = self.cut.prefix(pixels[None])
        return self._image(member, frontier), GateSubject(self.model, self.cut, frontier)

    def _image(self, image: TrainingImage, frontier: Frontier) -> Image:
        """The image's pooled features and its weight pi."""
        features = pooled(frontier.activation, self.cut.layer)[0]
        classes = list(self.images.classes)
        share = torch.ones(1 if image.row >= 0 else len(classes)).to(features)
        if self.params.image_weight == "predicted":
            clean = self.cut.suffix(frontier, frontier.activation)
            share = self.model.probabilities(clean)[0, classes].square().to(share)
        return Image(features, share, image.row, image.group)

    @property
    def _outputs(self) -> int:
        """Number of scores that the model has."""
        return len(self.model.spec.classes)

    @cached_property
    def _sigma_squared(self) -> float:
        """sigma^2 of h: the given one, or the median of ||1 - d||^2."""
        if self.params.sigma is not None:
            return self.params.sigma**2
        drawn = torch.cat([self.design.distance(self.design.draw(at)) for at in range(FIRST)])
        return max(float(drawn.median()), 1.0)

    def reopen(self) -> Any:
        """What can be sent to another process and runs pieces of the same experiment there."""
        images, classes = self.images.images, self.images.classes
        facts = self.layer, images, classes, self.params, self.masks
        return partial(_reopened, self.context.reopen, *facts)


def _reopened(
    reopen: Any,
    layer: str,
    images: tuple[TrainingImage, ...],
    classes: tuple[int, ...],
    params: ChipParams,
    masks: int,
) -> Any:
    model, dataset, context = reopen()
    chosen = TrainingImages(dataset, images, classes)
    return LayerExperiment(model, layer, chosen, params, context, masks).sums


def _blocks(chunks: Sequence[int], fold: int) -> list[tuple[int, ...]]:
    """The chunks of one cross-validation group of masks, a few at a time."""
    own = [each for each in chunks if each % FOLDS == fold]
    return [tuple(own[at : at + BLOCK]) for at in range(0, len(own), BLOCK)]
