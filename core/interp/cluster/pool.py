"""Pool: who does the independent pieces that a long work is cut into, and how they come back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Lost:
    """Stands for the result of a piece that no worker survives."""

    reason: str


class Pool(ABC):
    """Does the pieces of a work, of which each may be done twice and in any order.

    with pool:
        for piece, result in pool.map(explain, range(1000), partial(opened, request)):
            ...
    """

    workers: int | None
    """How many pieces are done at a time; None where that is not known yet."""
    remote: bool
    """Whether pieces are done in other processes, which open models and data themselves."""

    @abstractmethod
    def map(
        self,
        do: Callable[[Piece], Result],
        pieces: Sequence[Piece],
        reopen: Callable[[], Callable[[Piece], Result]],
        ordered: bool = False,
    ) -> Iterator[tuple[Piece, Result | Lost]]:
        """Each piece with its result, as they are done, or `ordered` as they were given.

        `do` does a piece in this process. `reopen` can be pickled; called in another process, it
        opens the model and data there and returns what does a piece. A piece is tried again where
        its worker dies, and has the result Lost where that happens every time. Where pieces are
        ordered, only a few results wait for an earlier one. Raises what `do` or `reopen` raises.
        """

    def close(self) -> None:  # noqa: B027 - a pool without processes has nothing to end
        """End the processes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@dataclass(frozen=True)
class ThisProcess(Pool):
    """Does every piece here, one after another."""

    workers = 1
    remote = False

    def map(
        self,
        do: Callable[[Piece], Result],
        pieces: Sequence[Piece],
        reopen: Callable[[], Callable[[Piece], Result]],
        ordered: bool = False,
    ) -> Iterator[tuple[Piece, Result | Lost]]:
        return ((piece, do(piece)) for piece in pieces)


def in_order(results: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """Numbered results from 0 on, in the order of their numbers, each as soon as it can be."""
    held: dict[int, Any] = {}
    wanted = 0
    for number, result in results:
        held[number] = result
        while wanted in held:
            yield wanted, held.pop(wanted)
            wanted += 1
