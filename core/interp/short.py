"""Short representations: what a result is in a few lines, however large its arrays are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

FEW, LETTERS = 6, 80
"""Entries of a list or mapping, and letters of a value, that are shown."""


def short(value: object) -> str:
    """A value in at most a line: arrays by type and shape, long lists by their first entries."""
    shape, kind = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and kind is not None:
        return f"{str(kind).removeprefix('torch.')} {tuple(shape)}" if shape else repr(value)
    if isinstance(value, Mapping):
        shown = [f"{key!r}: {short(each)}" for key, each in list(value.items())[:FEW]]
        return f"{{{_listed(shown, len(value))}}}"
    if type(value) in (list, tuple):
        entries: Any = value
        shown = [short(each) for each in entries[:FEW]]
        return f"{'[' if type(value) is list else '('}{_listed(shown, len(entries))}" + (
            "]" if type(value) is list else ",)" if len(entries) == 1 else ")"
        )
    return shortened(" ".join(repr(value).split()))


def shortened(text: str) -> str:
    """A text, cut after so many letters."""
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 3]}..."


def _listed(shown: list[str], count: int) -> str:
    more = f", ... {count} in all" if count > len(shown) else ""
    return ", ".join(shown) + more


def fields_repr(record: Any) -> str:
    """A dataclass as its class would be called, without what has its default, each field short."""
    given = [
        f"{each.name}={short(getattr(record, each.name))}"
        for each in fields(record)
        if each.repr and not _is_default(each, getattr(record, each.name))
    ]
    return f"{type(record).__name__}({', '.join(given)})"


def _is_default(field: Field[Any], value: object) -> bool:
    made = field.default_factory() if field.default_factory is not MISSING else field.default
    if hasattr(value, "shape") or made is MISSING:
        return False
    return value is made or (type(value) is type(made) and bool(value == made))


def listed(names: Iterable[str], most: int | None = None) -> str:
    """`a`, `a and b`, `a, b and c`; of more than `most`, these and the number of others."""
    words = list(names)
    if most is not None and len(words) > most + 1:
        words = [*words[:most], f"{len(words) - most} others"]
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def setting_words(value: Any) -> str:
    """A setting as people read it: `two, sample`, `samples=1000, output=prob`, – for none."""
    if isinstance(value, Mapping):
        value = [f"{key}={setting_words(each)}" for key, each in value.items()]
    if isinstance(value, list | tuple):
        value = ", ".join(map(setting_words, value))
    return "–" if value is None or value == "" else str(value)
