"""What a model answers where that is not one tensor: its parts by name, and how to say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

SHOWN = 4
"""How many parts of an answer a message names."""


def parts(answer: object) -> dict[str, Any]:
    """The parts of a mapping, dataclass, tuple or list by key, field or number; else none."""
    if isinstance(answer, Mapping):
        return {str(key): each for key, each in answer.items()}
    if is_dataclass(answer) and not isinstance(answer, type):
        return {each.name: getattr(answer, each.name) for each in fields(answer)}
    if isinstance(answer, tuple) and hasattr(answer, "_asdict"):
        return dict(answer._asdict())
    if isinstance(answer, (tuple, list)):
        return {str(index): each for index, each in enumerate(answer)}
    return {}


def part(answer: Any, keys: Sequence[str]) -> Any:
    """The part of an answer at a path of keys, fields or numbers, as `parts` names them."""
    for key in keys:
        answer = parts(answer)[key]
    return answer


def outline(answer: object) -> str:
    """An answer in words: a tensor's shape, or its type with the names and shapes of its parts."""
    shape = getattr(answer, "shape", None)
    if shape is not None:
        return str(tuple(shape))
    named = {name: each for name, each in parts(answer).items() if each is not None}
    kind = type(answer).__name__
    if not named:
        return kind
    if isinstance(answer, list) and any(parts(each) for each in answer):
        return f"{kind} of {len(answer)}, each {outline(answer[0])}"
    shown = [f"{name} {outline(each)}" for name, each in list(named.items())[:SHOWN]]
    more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    return f"{kind} with {', '.join(shown)}{more}"
