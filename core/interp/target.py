"""Targets of an explanation: the score of a class, or of one class less another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp.errors import InputError, nearest

if TYPE_CHECKING:
    from torch import Tensor

SEPARATOR = ", not "


@dataclass(frozen=True)
class Target:
    """The score of class `index`, less that of class `against` where one is named."""

    index: int
    name: str
    against: int | None = None

    def select(self, scores: Tensor) -> Tensor:
        """This target's score among class scores, (..., K) -> (...)."""
        chosen = scores[..., self.index]
        return chosen if self.against is None else chosen - scores[..., self.against]


def parse_target(text: str | int, classes: Sequence[str]) -> Target:
    """The target that a text names: "tiger cat", 282, or "bull mastiff, not tiger cat".

    A class is named in full, by the first of its comma-separated synonyms, or by index. Raises
    InputError for an unknown one.
    """
    first, _, second = str(text).partition(SEPARATOR)
    index = _find(first.strip(), classes)
    if not second:
        return Target(index, classes[index])
    against = _find(second.strip(), classes)
    if against == index:
        raise InputError(f"target {text!r} compares a class with itself; name two classes")
    return Target(index, f"{classes[index]}{SEPARATOR}{classes[against]}", against)


def _find(name: str, classes: Sequence[str]) -> int:
    wanted = name.casefold()
    shorts = [each.partition(",")[0].strip() for each in classes]
    for names in (classes, shorts):
        found = [index for index, each in enumerate(names) if each.casefold() == wanted]
        if len(found) > 1:
            raise InputError(f"target {name!r} names classes {found}; give one of these indices")
        if found:
            return found[0]
    if name.lstrip("-").isdigit():
        if 0 <= int(name) < len(classes):
            return int(name)
        raise InputError(f"target {name} is out of range; expected 0 to {len(classes) - 1}")
    raise InputError(f"unknown target {name!r}; {nearest(name, shorts)}")
