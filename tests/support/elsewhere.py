"""A pool that treats this process as another one: all is pickled, shuffled, and done twice."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from interp.cluster.pool import Lost, Pool
from interp.cluster.worker import Worker, packed


@dataclass
class Elsewhere(Pool):
    """Opens each work again from its pickle for every worker, as machines of a cluster do.

    Pieces come back in random order; each third is done by a worker that dies before it tells, and
    again by another one. Pieces that are or hold one of `poisoned` kill every worker.
    """

    workers: int = 3
    remote = True
    seed: int = 0
    poisoned: tuple[Any, ...] = ()
    opened: int = 0
    """Works that were opened, by all workers together."""

    def map(
        self,
        do: Callable[[Any], Any],
        pieces: Sequence[Any],
        reopen: Callable[[], Any],
        ordered: bool = False,
    ) -> Iterator[tuple[Any, Any]]:
        results = self._shuffled(pieces, reopen)
        return iter(sorted(results, key=lambda each: pieces.index(each[0]))) if ordered else results

    def _shuffled(
        self, pieces: Sequence[Any], reopen: Callable[[], Any]
    ) -> Iterator[tuple[Any, Any]]:
        crew = [Worker() for _ in range(self.workers)]
        for each in crew if len(pieces) else ():
            each.open("work", packed(reopen))
            self.opened += 1
        drawn = random.Random(self.seed)
        order = list(pieces)
        drawn.shuffle(order)
        for number, piece in enumerate(order):
            if any(each == piece or each in _range(piece) for each in self.poisoned):
                yield piece, Lost("its worker died 4 times")
                continue
            if number % 3 == 0:
                drawn.choice(crew).do(pickle.loads(pickle.dumps(piece)))
            result = drawn.choice(crew).do(pickle.loads(pickle.dumps(piece)))
            yield piece, pickle.loads(pickle.dumps(result))


def _range(piece: Any) -> range:
    """The images of a piece that is a range of them."""
    return piece if isinstance(piece, range) else range(0)
