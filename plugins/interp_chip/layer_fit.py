"""The moments of one layer: the scores of every training image under every mask of channels."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from interp.cluster.pool import Lost
from interp.context import Context
from interp.engine.channel import GateDesign
from interp.engine.respond import SAVE_EVERY
from interp.errors import InputError, PluginError
from interp.model import ModelAdapter
from interp.storage.folder import whole_file
from interp_chip.experiment import BLOCK, LayerExperiment, Piece
from interp_chip.moments import FactoredMoments
from interp_chip.params import ChipParams
from interp_chip.training_images import TrainingImages

LARGE = 4
"""A checkpoint that takes a second is written after so many times the usual wait."""


@dataclass(eq=False)
class LayerFit:
    """Collects the moments of one layer, round by round, with progress kept on disk.

    The context's pool runs the pieces of a round, whose sums are added in one order, so that the
    moments do not hang on who ran them. Checkpoints are written to the context's checkpoint folder,
    if it has one, and picked up from there when the same fit starts again.
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
    pieces: int = 0
    """Pieces of the present round that are in the moments."""
    blocks: int = 0
    """What an earlier version counted in place of pieces: blocks of chunks, image by image."""
    saved: float = 0.0
    """Time of the last checkpoint."""
    saving: float = 0.0
    """Seconds that it took."""

    def __post_init__(self) -> None:
        design = self.design
        rows = len(self.images.classes)
        self.moments = FactoredMoments.empty(self.key, rows, design.parts, design.device)
        if self._file is not None and self._file.exists():
            self._load(self._file)

    @cached_property
    def experiment(self) -> LayerExperiment:
        """What is run."""
        facts = self.model, self.layer, self.images, self.params, self.context, self.masks
        return LayerExperiment(*facts)

    @property
    def design(self) -> GateDesign:
        """The random masks, the same for every image."""
        return self.experiment.design

    @property
    def key(self) -> str:
        """Content key of the moments; the same for every part of them."""
        return self.experiment.key

    @property
    def chunks(self) -> int:
        """Chunks of masks, over all rounds."""
        return self.experiment.chunks

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
            states = self.design.draw(chunk)[: self.experiment.length(chunk)]
            self.moments.add_masks(chunk, states, self.experiment.mask_weights(states))
        self.done, self.pieces = until, 0
        if complete:  # else some images met no mask yet: no state to go on from
            self._save()
        return complete

    def _run_images(self, chunks: list[int]) -> bool:
        """Run every image with the chunks; False when the time budget ended before the last."""
        work, count = self.experiment, len(self.images.images)
        pieces = work.pieces(chunks)
        if self.blocks:
            self._take_up(pieces, len(chunks))
        left = pieces[self.pieces :]
        label = f"perturbed networks at {self.layer}"
        done = sum(self.moments.chunks.values()) * count
        done += sum(map(work.networks, pieces[: self.pieces]))
        total = done + sum(map(work.networks, left))
        self.context.progress(label, done, total)
        for piece, sums in self.context.pool.map(work.sums, left, work.reopen(), ordered=True):
            if isinstance(sums, Lost):
                raise PluginError(f"{label}, images {piece.images}: {sums.reason}")
            for name, image in sums.images.items():
                if name not in self.moments.images:
                    self.moments.add_image(name, image)
            self.moments.add_cell(sums.cell)
            self.pieces += 1
            if time.monotonic() - self.saved > SAVE_EVERY * max(1.0, LARGE * self.saving):
                self._save()
            done += work.networks(piece)
            self.context.progress(label, done, total)
            more = piece.last and self.pieces < len(pieces)
            if more and self.context.out_of_time():
                return False
        return True

    def _take_up(self, pieces: Sequence[Piece], chunks: int) -> None:
        """Go on from what an earlier version kept. InputError where that ends within a piece."""
        images, rest = divmod(self.blocks, -(-chunks // BLOCK))
        done = [each for each in pieces if each.images[1] <= images]
        if rest or max((each.images[1] for each in done), default=0) != images:
            raise InputError(
                f"{self._file} was kept by an earlier version of interp in the middle of an image; "
                "go on with that version, or remove the file to begin again"
            )
        self.pieces, self.blocks = len(done), 0

    @property
    def _file(self) -> Path | None:
        folder = self.context.checkpoint
        part, count = self.context.budget.shard or (0, 1)
        name = f"{self.key}-{self.masks}-{part}-{count}.safetensors"
        return None if folder is None else folder / name

    def _save(self) -> None:
        """Write a checkpoint in place of the last one. OutputError where it cannot be written."""
        from safetensors.torch import save_file

        begun = self.saved = time.monotonic()
        if self._file is None:
            return
        about = {"moments": self.moments.about(), "begun": self.done, "pieces": self.pieces}
        arrays = {name: each.contiguous().cpu() for name, each in self.moments.arrays().items()}
        with whole_file(self._file) as draft:
            save_file(arrays, draft, metadata={"lesson": json.dumps(about)})
        self.saved = time.monotonic()
        self.saving = self.saved - begun

    def _load(self, file: Path) -> None:
        from safetensors import safe_open

        with safe_open(file, "pt", device=str(self.design.device)) as held:
            about = json.loads(held.metadata()["lesson"])
            arrays = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118
        self.moments = FactoredMoments.of(arrays, about["moments"])
        self.done, self.pieces = about["begun"], about.get("pieces", 0)
        self.blocks = about.get("blocks", 0)


def rounds(chunks: int, doubling: bool) -> Iterator[int]:
    """The chunk at which each round ends: all chunks at once, or 2, 4, 8, ..."""
    end = 2 if doubling else chunks
    while end < chunks:
        yield end
        end *= 2
    yield chunks
