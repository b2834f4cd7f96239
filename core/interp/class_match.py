"""Which of a model's classes each class of a data set is: by name, never by a number as index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from interp.errors import InputError
from interp.target import class_index

SHOWN = 4
"""Classes that a note names."""


class ClassMatch(NamedTuple):
    """The model's class index of each class of a data set, None where the model has none."""

    labels: tuple[int | None, ...]
    notes: tuple[str, ...] = ()
    """What was assumed, or does not fit, one sentence each."""


def match_classes(found: Sequence[str], classes: Sequence[str]) -> ClassMatch:
    """Match a data set's classes with a model's by their names.

    A number is a name here too: torchvision's ImageFolder makes folder "10" the class before "2".
    Where the model's classes have no names, as many sorted classes are taken for its outputs in
    that order, and a note says so.
    """
    if tuple(found) == tuple(classes):
        return ClassMatch(tuple(range(len(classes))))
    if _unnamed(classes) and not _unnamed(found):
        return _in_order(found, len(classes))
    labels = tuple(_index(name, classes) for name in found)
    strange = [name for name, label in zip(found, labels, strict=True) if label is None]
    if not strange:
        return ClassMatch(labels)
    number = "; a number is taken for a name" if any(each.isdecimal() for each in strange) else ""
    note = (
        f"{len(strange)} of the data's {len(found)} classes ({_shown(strange)}) are none of the "
        f"model's ({_shown(classes)}){number}; name the model's classes as the data's with "
        "--classes FILE, in the order of its outputs"
    )
    return ClassMatch(labels, (note,))


def _in_order(found: Sequence[str], count: int) -> ClassMatch:
    """The match with `count` outputs without names: in order where there are as many classes."""
    if len(found) != count or list(found) != sorted(found):
        note = f"the model's {count} classes have no names; name them with --classes FILE"
        return ClassMatch((None,) * len(found), (note,))
    note = (
        "the model's classes have no names; the data's were taken for its outputs in alphabetical "
        f"order, as ImageFolder sorts folders ({_shown(found)}); if they are in another order, "
        "name them with --classes FILE"
    )
    return ClassMatch(tuple(range(count)), (note,))


def _unnamed(classes: Sequence[str]) -> bool:
    """Whether classes are called "class 0", "class 1" and so on, for want of names."""
    return all(name == f"class {index}" for index, name in enumerate(classes))


def _index(name: str, classes: Sequence[str]) -> int | None:
    try:
        return class_index(name, classes)
    except InputError:
        return None


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
