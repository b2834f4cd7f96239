"""What runs remember between calls: measured batch sizes, and answers of the model."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from interp.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

SLAB = 1 << 20
"""Scores that are kept in one piece of memory."""

SMALLEST = 8
"""The first micro-batch tried; the others double it."""

SHARE = 32
"""Kept answers may take one part in so many of the memory budget."""


@dataclass
class BatchSize:
    """The micro-batch: each size tried on one chunk, then the fastest; halved when memory runs out.

    All sizes are tried, also after a slower one, so that peak memory does not hang on noise.
    """

    limit: int
    fixed: int | None = None
    speed: dict[int, float] = field(default_factory=dict)

    def size(self) -> int:
        """The size to use now."""
        if self.fixed is not None:
            return min(self.fixed, self.limit)
        size = min(SMALLEST, self.limit)
        while size in self.speed and 2 * size <= self.limit:
            size *= 2
        return max(self.speed, key=self.speed.__getitem__) if size in self.speed else size

    def measured(self, size: int, count: int, seconds: float) -> None:
        """Note that `count` samples took `seconds` in micro-batches of `size`."""
        self.speed.setdefault(size, count / max(seconds, 1e-9))

    def halve(self, size: int) -> None:
        """Never use `size` or more again; ModelError when even one sample is too much."""
        if size == 1:
            raise ModelError("out of memory at one sample; use a smaller model or a larger device")
        self.limit = size // 2
        self.fixed = None if self.fixed is None else self.limit
        self.speed = {each: speed for each, speed in self.speed.items() if each <= self.limit}


@dataclass
class Answers:
    """Raw scores by content key, the least recently used dropped beyond `limit` bytes."""

    limit: int
    kept: OrderedDict[tuple[str, str, int], Tensor] = field(default_factory=OrderedDict)
    held: int = 0
    """Bytes kept."""
    slab: Tensor | None = None
    """Where scores are put, one after another: many small tensors that stay, between large ones
    that come and go, would break the heap into pieces that nothing fits into."""
    used: int = 0

    def get(self, key: tuple[str, str, int]) -> Tensor | None:
        """The scores kept under `key`."""
        if key in self.kept:
            self.kept.move_to_end(key)
        return self.kept.get(key)

    def put(self, key: tuple[str, str, int], scores: Tensor) -> None:
        """Keep scores, dropping old ones if need be."""
        self.held += scores.nbytes - (self.kept[key].nbytes if key in self.kept else 0)
        self.kept[key] = self._place(scores)
        while self.held > self.limit:
            self.held -= self.kept.popitem(last=False)[1].nbytes

    def _place(self, scores: Tensor) -> Tensor:
        """A copy in the slab, or in a new one where it is full or of another kind."""
        size, slab = scores.numel(), self.slab
        if (
            slab is None
            or (slab.dtype, slab.device) != (scores.dtype, scores.device)
            or self.used + size > len(slab)
        ):
            self.slab, self.used = scores.new_empty(max(size, SLAB)), 0
            slab = self.slab
        place = slab[self.used : self.used + size].view_as(scores)
        self.used += size
        return place.copy_(scores)


@dataclass
class Memory:
    """Measured batch sizes and kept answers, shared by the calls that are handed it.

    Batch sizes are keyed by model and place of the perturbation. Answers are kept under a content
    key, so that two methods or targets that ask the same thing share the forward passes.
    """

    batch_sizes: dict[tuple[str, str], BatchSize] = field(default_factory=dict)
    answers: Answers | None = None

    def kept_answers(self, budget: int) -> Answers:
        """The kept answers; made when first asked for, with its share of `budget` bytes."""
        if self.answers is None:
            self.answers = Answers(budget // SHARE)
        return self.answers
