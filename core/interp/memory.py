"""The engine's cache between calls: measured batch sizes, and the model's scores."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from threading import Lock

from interp.errors import ModelError
from interp.lazy_type import Tensor

SLAB = 1 << 20
"""Scores that are stored in one piece of memory."""
SMALLEST = 8
"""The first micro-batch that is tried; each next one is twice as large."""
SHARE = 32
"""The cached scores take at most the memory budget divided by this."""


@dataclass
class BatchSize:
    """The micro-batch: each size is tried on one chunk, then the fastest is used.

    All sizes are tried, also after a slower one, so that peak memory does not depend on noise in
    the timing. Out of memory, the limit is halved.
    """

    limit: int
    fixed: int | None = None
    speed: dict[int, float] = field(default_factory=dict)

    def size(self) -> int:
        """The size to use for the next chunk."""
        if self.fixed is not None:
            return min(self.fixed, self.limit)
        size = min(SMALLEST, self.limit)
        while size in self.speed and 2 * size <= self.limit:
            size *= 2
        return max(self.speed, key=self.speed.__getitem__) if size in self.speed else size

    def measured(self, size: int, count: int, seconds: float) -> None:
        """Record that `count` samples took `seconds` in micro-batches of `size`."""
        self.speed.setdefault(size, count / max(seconds, 1e-9))

    def halve(self, size: int) -> None:
        """Never use `size` or more again. Raises ModelError where one sample is too much."""
        if size == 1:
            raise ModelError("out of memory at one sample; use a smaller model or a larger device")
        self.limit = size // 2
        self.fixed = None if self.fixed is None else self.limit
        self.speed = {each: speed for each, speed in self.speed.items() if each <= self.limit}


@dataclass
class Answers:
    """Cached raw scores by content key; beyond `limit` bytes the least recently used go.

    Several threads may share it.
    """

    limit: int
    kept: OrderedDict[tuple[str, str, int], Tensor] = field(default_factory=OrderedDict)
    held: int = 0
    """Bytes in the cache."""
    slab: Tensor | None = None
    """Where scores are stored, one after another. Many small tensors that stay, between large ones
    that come and go, would fragment the heap."""
    used: int = 0
    lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def get(self, key: tuple[str, str, int]) -> Tensor | None:
        """The scores cached under `key`, if any."""
        with self.lock:
            if key in self.kept:
                self.kept.move_to_end(key)
            return self.kept.get(key)

    def put(self, key: tuple[str, str, int], scores: Tensor) -> None:
        """Cache scores, dropping old ones where the limit is passed."""
        with self.lock:
            self.held += scores.nbytes - (self.kept[key].nbytes if key in self.kept else 0)
            self.kept[key] = self._place(scores)
            while self.held > self.limit:
                self.held -= self.kept.popitem(last=False)[1].nbytes

    def _place(self, scores: Tensor) -> Tensor:
        """A copy in the slab, or in a new slab where that is full or of another type."""
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
    """Measured batch sizes and cached scores, shared by the calls that are handed it.

    Batch sizes are keyed by model and by what is perturbed. Scores are keyed by content, so that
    two methods, or two targets, with the same perturbed inputs share the forward passes.
    """

    batch_sizes: dict[tuple[str, str], BatchSize] = field(default_factory=dict)
    answers: Answers | None = None
    steady: bool = False
    """Whether batch sizes are fixed, not measured, so that scores do not hang on the timing."""

    def alone(self, answers: Answers | None = None) -> Memory:
        """The same batch sizes, with a cache of its own."""
        return replace(self, answers=answers)

    def kept_answers(self, budget: int) -> Answers:
        """The cached scores, made at the first call with a share of `budget` bytes."""
        if self.answers is None:
            self.answers = Answers(budget // SHARE)
        return self.answers
