"""The moments of one layer: the scores of every training image under every mask of channels."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from interp.context import Context, no_progress
from interp.cut import Cut, Frontier
from interp.engine.channel import GateDesign
from interp.engine.design import GateSubject
from interp.engine.random import content_key
from interp.engine.respond import SAVE_EVERY, respond
from interp.model import ModelAdapter
from interp.storage.folder import whole_file
from interp_chip.features import pooled
from interp_chip.moments import FactoredMoments, Image
from interp_chip.params import ChipParams
from interp_chip.training_images import TrainingImage, TrainingImages

FIRST = 8
"""Number of chunks of masks from which the median distance in h is taken."""
BLOCK = 8
"""Number of chunks of masks that an image is run with between two checkpoints."""


@dataclass(eq=False)
class LayerFit:
    """Collects the moments of one layer, round by round, with progress kept on disk.

    Checkpoints are written to the context's checkpoint folder, if it has one, and picked up from
    there when the same fit starts again.
    """

    model: ModelAdapter
    layer: str
    images: TrainingImages
    params: ChipParams
    context: Context
    masks: int
    """Masks (perturbed networks) per image, over all rounds."""
    moments: FactoredMoments = field(init=False)
    done: int = 0
    """Chunks of masks in the completed rounds."""
    blocks: int = 0
    """Blocks of the present round that are in the moments."""
    saved: float = 0.0
    """Time of the last checkpoint."""

    def __post_init__(self) -> None:
        self.moments = FactoredMoments.empty(
            self.key, len(self.images.classes), self.design.parts, self.design.device
        )
        if self._file is not None and self._file.exists():
            self._load(self._file)

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

    def run_round(self, until: int) -> bool:
        """Run every image with the chunks up to `until`; False when the time budget ended it.

        Then the moments hold what was complete: the rounds before, or in the first round the
        images that were done.
        """
        limited = self.context.budget.seconds is not None
        before = self.moments.copy() if self.done and limited else None
        part, parts = self.context.budget.shard or (0, 1)
        chunks = [at for at in range(self.done, until) if at % parts == part]
        complete = self._run_images(chunks)
        if not complete and before is not None:
            self.moments = before
            return False
        for chunk in chunks:
            states = self.design.draw(chunk)[: self._length(chunk)]
            self.moments.add_masks(chunk, states, self.mask_weights(states))
        self.done, self.blocks = until, 0
        if complete:  # else some images met no mask yet: no state to go on from
            self._save()
        return complete

    def mask_weights(self, states: Tensor) -> Tensor:
        """h(d) = exp(-||1 - d||^2 / sigma^2), (B,)."""
        distance = self.design.distance(states)
        if not self.params.locality:
            return distance.new_ones(len(distance))
        return (-distance / self._sigma_squared).exp()

    def _run_images(self, chunks: list[int]) -> bool:
        """Run every image with the chunks; False when the time budget ended before the last."""
        pieces = [chunks[at : at + BLOCK] for at in range(0, len(chunks), BLOCK)]
        count, skip = len(self.images.images), self.blocks
        label = f"perturbed networks at {self.layer}"
        before = sum(self.moments.chunks.values()) * count
        length = sum(self._length(chunk) for chunk in chunks)
        for turn, image in enumerate(self.images.images):
            if turn * len(pieces) >= skip and turn and self.context.out_of_time():
                return False
            if (turn + 1) * len(pieces) > skip:
                self.context.progress(label, before + turn * length, before + count * length)
                self._run_image(image, pieces[max(0, skip - turn * len(pieces)) :])
        self.context.progress(label, before + count * length, before + count * length)
        return True

    def _run_image(self, image: TrainingImage, pieces: list[list[int]]) -> None:
        """Add one image's scores under some blocks of chunks."""
        pixels, _ = self.model.prepare(self.images.pixels(image))
        frontier = self.cut.prefix(pixels[None])
        if image.name not in self.moments.images:
            self.moments.add_image(image.name, self._image_moments(image, frontier))
        subject = GateSubject(self.model, self.cut, frontier)
        classes = self.images.classes
        columns = list(classes) if image.row < 0 else [classes[image.row]]
        unlimited = self.context.budget.model_copy(update={"seconds": None})
        context = replace(self.context, budget=unlimited, progress=no_progress)
        for piece in pieces:
            others = set(range(piece[-1])) - set(piece)
            count = piece[-1] * self.design.chunk + self._length(piece[-1])
            for answer in respond(context, subject, self.design, self.params.output, count, others):
                weights = self.mask_weights(answer.states)
                scores = answer.scores[:, columns]
                self.moments.add_scores(image.name, answer.chunk, answer.states, scores, weights)
            self.blocks += 1
            if time.monotonic() - self.saved > SAVE_EVERY:
                self._save()

    def _image_moments(self, image: TrainingImage, frontier: Frontier) -> Image:
        """The image's pooled features and its weight pi."""
        features = pooled(frontier.activation, self.cut.layer)[0]
        classes = list(self.images.classes)
        share = torch.ones(1 if image.row >= 0 else len(classes)).to(features)
        if self.params.image_weight == "predicted":
            clean = self.cut.suffix(frontier, frontier.activation)
            share = self.model.probabilities(clean)[0, classes].square().to(share)
        return Image(features, share, image.row, image.group)

    @cached_property
    def _sigma_squared(self) -> float:
        """sigma^2 of h: the given one, or the median of ||1 - d||^2."""
        if self.params.sigma is not None:
            return self.params.sigma**2
        drawn = torch.cat([self.design.distance(self.design.draw(at)) for at in range(FIRST)])
        return max(float(drawn.median()), 1.0)

    def _length(self, chunk: int) -> int:
        return min(self.design.chunk, self.masks - chunk * self.design.chunk)

    @property
    def _file(self) -> Path | None:
        folder = self.context.checkpoint
        part, count = self.context.budget.shard or (0, 1)
        name = f"{self.key}-{self.masks}-{part}-{count}.safetensors"
        return None if folder is None else folder / name

    def _save(self) -> None:
        """Write a checkpoint in place of the last one. OutputError where it cannot be written."""
        from safetensors.torch import save_file

        self.saved = time.monotonic()
        if self._file is None:
            return
        about = {"moments": self.moments.about(), "begun": self.done, "blocks": self.blocks}
        arrays = {name: each.contiguous().cpu() for name, each in self.moments.arrays().items()}
        with whole_file(self._file) as draft:
            save_file(arrays, draft, metadata={"lesson": json.dumps(about)})

    def _load(self, file: Path) -> None:
        from safetensors import safe_open

        with safe_open(file, "pt", device=str(self.design.device)) as held:
            about = json.loads(held.metadata()["lesson"])
            arrays = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118
        self.moments = FactoredMoments.of(arrays, about["moments"])
        self.done, self.blocks = about["begun"], about["blocks"]


def rounds(chunks: int, doubling: bool) -> Iterator[int]:
    """The chunk at which each round ends: all chunks at once, or 2, 4, 8, ..."""
    end = 2 if doubling else chunks
    while end < chunks:
        yield end
        end *= 2
    yield chunks
