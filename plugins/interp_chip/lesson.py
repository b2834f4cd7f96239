"""One layer being learned: every image of the pool meets every perturbed network."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from interp.context import no_progress
from interp.engine.channel import GateDesign
from interp.engine.design import GateSubject
from interp.engine.random import content_key
from interp.engine.respond import SAVE_EVERY, respond
from interp.errors import InputError
from interp_chip.features import pooled
from interp_chip.moments import FactoredMoments, Image

if TYPE_CHECKING:
    from torch import Tensor

    from interp.context import Context
    from interp.model import Cut, Frontier, ModelAdapter
    from interp_chip.params import ChipParams
    from interp_chip.pool import Member, Pool

FIRST = 8
"""Chunks of masks from which the median distance in h is taken."""
BLOCK = 8
"""Chunks that an image answers between two saves."""


@dataclass(eq=False)
class Lesson:
    """The moments of one layer. What is learned is kept in the context's checkpoint folder."""

    model: ModelAdapter
    layer: str
    pool: Pool
    params: ChipParams
    context: Context
    masks: int
    """Perturbed networks per image, all rounds together."""
    moments: FactoredMoments = field(init=False)
    begun: int = 0
    """Chunks of the rounds before."""
    blocks: int = 0
    """Blocks of the present round that are in the moments."""
    saved: float = 0.0

    def __post_init__(self) -> None:
        self.moments = FactoredMoments.empty(
            self.key, len(self.pool.classes), self.design.parts, self.design.device
        )
        if self._file is not None and self._file.exists():
            self._open(self._file)

    @cached_property
    def cut(self) -> Cut:
        """The model cut at the layer."""
        return self.model.cut(self.layer)

    @cached_property
    def design(self) -> GateDesign:
        """The same masks for every image."""
        device = self.model.to_device(np.zeros(1, np.float32)).device
        channels = self.cut.layer.channels
        return GateDesign(channels, device, self.context.seed, keep=self.params.keep)

    @cached_property
    def key(self) -> str:
        """What the moments are of, whichever part of it they hold."""
        spec, members = self.model.spec, [each.name for each in self.pool.members]
        law = self.params.output, self.params.image_weight, self.params.locality, self.params.sigma
        facts = spec.fingerprint, spec.precision, spec.input, self.layer, self.pool.classes
        return content_key(*facts, members, self.design.key, law)

    @property
    def chunks(self) -> int:
        """Chunks of masks, all rounds together."""
        return -(-self.masks // self.design.chunk)

    def round(self, until: int) -> bool:
        """Let every image meet the chunks up to `until`; False when the time budget ended it.

        Then the moments hold what was complete: the rounds before, or in the first round the
        images that were done.
        """
        limited = self.context.budget.seconds is not None
        before = self.moments.copy() if self.begun and limited else None
        part, parts = self._part
        chunks = [at for at in range(self.begun, until) if at % parts == part]
        complete = self._meet(chunks)
        if not complete and before is not None:
            self.moments = before
            return False
        for chunk in chunks:
            states = self.design.draw(chunk)[: self._length(chunk)]
            self.moments.add_masks(chunk, states, self._weights(states))
        self.begun, self.blocks = until, 0
        if complete:  # else some images have met nothing yet: no state to go on from
            self._save()
        return complete

    def _meet(self, chunks: list[int]) -> bool:
        """Every image meets the chunks; False when time was over before the last image."""
        pieces = [chunks[at : at + BLOCK] for at in range(0, len(chunks), BLOCK)]
        skip = self.blocks
        for turn, member in enumerate(self.pool.members):
            if turn * len(pieces) >= skip and turn and self.context.out_of_time():
                return False
            if (turn + 1) * len(pieces) > skip:
                self._tell(turn, chunks)
                self._ask(member, pieces[max(0, skip - turn * len(pieces)) :])
        self._tell(len(self.pool.members), chunks)
        return True

    def _ask(self, member: Member, pieces: list[list[int]]) -> None:
        """One image's answers to some blocks of chunks."""
        pixels, _ = self.model.prepare(self.pool.image(member))
        frontier = self.cut.prefix(pixels[None])
        if member.name not in self.moments.images:
            self.moments.add_image(member.name, self._image(member, frontier))
        subject = GateSubject(self.model, self.cut, frontier)
        columns = self.pool.classes if member.row < 0 else [self.pool.classes[member.row]]
        quiet = self.context.budget.model_copy(update={"seconds": None})
        context = replace(self.context, budget=quiet, progress=no_progress)
        for piece in pieces:
            others = set(range(piece[-1])) - set(piece)
            count = piece[-1] * self.design.chunk + self._length(piece[-1])
            for answer in respond(context, subject, self.design, self.params.output, count, others):
                self.moments.add_scores(
                    member.name,
                    answer.chunk,
                    answer.states,
                    answer.scores[:, list(columns)],
                    self._weights(answer.states),
                )
            self.blocks += 1
            if time.monotonic() - self.saved > SAVE_EVERY:
                self._save()

    def _image(self, member: Member, frontier: Frontier) -> Image:
        """The image's side of the moments: its pooled features and its pi."""
        import torch

        features = pooled(frontier.activation, self.cut.layer)[0]
        share = torch.ones(1 if member.row >= 0 else len(self.pool.classes)).to(features)
        if self.params.image_weight == "predicted":
            clean = self.cut.suffix(frontier, frontier.activation)
            share = self.model.probabilities(clean)[0, list(self.pool.classes)].square().to(share)
        return Image(features, share, member.row, member.group)

    def _weights(self, states: Tensor) -> Tensor:
        """h(d) = exp(-||1 - d||^2 / sigma^2), (B,)."""
        distance = self.design.distance(states)
        if not self.params.locality:
            return distance.new_ones(len(distance))
        return (-distance / self._scale).exp()

    @cached_property
    def _scale(self) -> float:
        """sigma^2: the given one, else the median of ||1 - d||^2."""
        import torch

        if self.params.sigma is not None:
            return self.params.sigma**2
        drawn = torch.cat([self.design.distance(self.design.draw(at)) for at in range(FIRST)])
        return max(float(drawn.median()), 1.0)

    def _length(self, chunk: int) -> int:
        return min(self.design.chunk, self.masks - chunk * self.design.chunk)

    @property
    def _part(self) -> tuple[int, int]:
        """Chunks i, i + n, ... are met here: (i, n)."""
        return self.context.budget.shard or (0, 1)

    def _tell(self, turn: int, chunks: list[int]) -> None:
        count = len(self.pool.members)
        before = sum(self.moments.chunks.values()) * count
        length = sum(self._length(chunk) for chunk in chunks)
        label = f"perturbed networks at {self.layer}"
        self.context.progress(label, before + turn * length, before + count * length)

    @property
    def _file(self) -> Path | None:
        folder = self.context.checkpoint
        part, count = self._part
        name = f"{self.key}-{self.masks}-{part}-{count}.safetensors"
        return None if folder is None else folder / name

    def _save(self) -> None:
        """Keep what is learned, by way of a temporary name. InputError where it cannot be."""
        from safetensors.torch import save_file

        self.saved = time.monotonic()
        if self._file is None:
            return
        about = {"moments": self.moments.about(), "begun": self.begun, "blocks": self.blocks}
        arrays = {name: each.contiguous().cpu() for name, each in self.moments.arrays().items()}
        temporary = self._file.with_suffix(".tmp")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            save_file(arrays, temporary, metadata={"lesson": json.dumps(about)})
            temporary.replace(self._file)
        except Exception as error:  # safetensors wraps the system's errors in its own
            temporary.unlink(missing_ok=True)
            raise InputError(
                f"{self._file.parent}: progress cannot be kept ({error}); what was kept before "
                "is whole; make room and go on with --resume"
            ) from error

    def _open(self, file: Path) -> None:
        from safetensors import safe_open

        with safe_open(file, "pt", device=str(self.design.device)) as held:
            about = json.loads(held.metadata()["lesson"])
            arrays = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118
        self.moments = FactoredMoments.of(arrays, about["moments"])
        self.begun, self.blocks = about["begun"], about["blocks"]


def rounds(chunks: int, doubling: bool) -> Iterator[int]:
    """Where each round ends, in chunks: all at once, or 2, 4, 8, ..."""
    end = 2 if doubling else chunks
    while end < chunks:
        yield end
        end *= 2
    yield chunks
