"""Targets of an explanation: the score of a class, or of one class less another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from interp.errors import InputError, nearest
from interp.lazy_type import Tensor

SEPARATOR = ", not "
BOX = re.compile(r" -?[\d.]+ at -?\d+,-?\d+\.\.-?\d+,-?\d+$")
"""What follows the class in the name of a box: its score, and its corners in pixels."""
SHOWN = 4
"""How many classes of one name a message lists."""
NAME, INDEX = "name:", "index:"
"""What stands before a number that says which class is meant."""
DIGITS = 18
"""Longer numbers are no index of any class."""


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
    """The target that a text names: "tiger cat", "282", or "bull mastiff, not tiger cat".

    A class is named in full, by the first of its comma-separated synonyms, or by index; a box that
    was found, also by its class alone. An int is
    always an index. A number in a text is told where it is one class's name and another's index;
    "name:3" and "index:3" say which. Raises InputError for an unknown class.
    """
    if not isinstance(text, str):
        index = _at(int(text), classes)
        return Target(index, classes[index])
    first, _, second = text.partition(SEPARATOR)
    index = _find(first.strip(), classes)
    if not second:
        return Target(index, classes[index])
    against = _find(second.strip(), classes)
    if against == index:
        raise InputError(f"target {text!r} compares a class with itself; name two classes")
    return Target(index, f"{classes[index]}{SEPARATOR}{classes[against]}", against)


def index_text(index: int, classes: Sequence[str]) -> str:
    """The text of a class by its index: "3", or "index:3" where another class is called 3.

    Raises InputError for an index out of range.
    """
    _at(index, classes)
    text = str(index)
    return text if _named(text, classes) in ([], [index]) else f"{INDEX}{text}"


def name_text(text: str, classes: Sequence[str]) -> str:
    """A target's text in which a number that is a class's name means the name: "3" is "name:3"."""
    parts = text.split(SEPARATOR, 1)
    return SEPARATOR.join(
        f"{NAME}{part.strip()}" if _is_ambiguous(part.strip(), classes) else part for part in parts
    )


def _find(name: str, classes: Sequence[str]) -> int:
    found = _named(name, classes)
    if not found and name.startswith(NAME):
        return class_index(name.removeprefix(NAME), classes)
    if not found and name.startswith(INDEX):
        name = name.removeprefix(INDEX)
        if not _is_number(name):
            raise InputError(f"found index {name!r}; expected 0 to {len(classes) - 1}")
        return _at(int(name), classes)
    if _is_ambiguous(name, classes):
        raise InputError(
            f"target {name} is the name of class {found[0]} and the index of {classes[int(name)]}; "
            f"say {NAME}{name} or {INDEX}{name}"
        )
    return _at(int(name), classes) if not found and _is_number(name) else class_index(name, classes)


def class_index(name: str, classes: Sequence[str]) -> int:
    """The index of the one class of this name, never by a number as an index.

    Raises InputError for none and for several.
    """
    found = _named(name, classes)
    if len(found) > 1:
        named = "; ".join(f"{index}: {classes[index]}" for index in found[:SHOWN])
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        kind = "boxes" if BOX.search(classes[found[0]]) else "classes"
        raise InputError(
            f"target {name!r} names {len(found)} {kind} ({named}{more}); give one of these indices"
        )
    if not found:
        shorts = dict.fromkeys(_short(each) for each in classes)
        raise InputError(f"unknown target {name!r}; {nearest(name, shorts)}")
    return found[0]


def _named(name: str, classes: Sequence[str]) -> list[int]:
    """The indices of the classes of this name in full, else by their first synonym."""
    wanted = name.casefold()
    for names in (classes, [_short(each) for each in classes]):
        if found := [index for index, each in enumerate(names) if each.casefold() == wanted]:
            return found
    return []


@lru_cache(1 << 16)
def _short(name: str) -> str:
    """The first of a name's synonyms; of a box such as "dog 0.86 at 120,40..300,310", its class."""
    return BOX.sub("", name) if BOX.search(name) else name.partition(",")[0].strip()


def _is_ambiguous(name: str, classes: Sequence[str]) -> bool:
    """Whether a number is one class's name and another's index."""
    if not _is_number(name) or not 0 <= int(name) < len(classes):
        return False
    return bool(found := _named(name, classes)) and found != [int(name)]


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and len(text) <= DIGITS


def _at(index: int, classes: Sequence[str]) -> int:
    if 0 <= index < len(classes):
        return index
    raise InputError(f"target {index} is out of range; expected 0 to {len(classes) - 1}")
