"""What a model answers where that is not one tensor: its parts by name, its scores, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from interp.lazy_type import Tensor

SHOWN = 4
"""How many parts of an answer a message names."""
LOGITS = "logits"
"""The part that is meant by its name, whatever else the answer holds."""
DEPTH = 2
"""How deep in an answer its scores are looked for."""


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


def advice(axes: Mapping[str, int]) -> str:
    """Which readout reads an answer that is no scores, by its tensors' names and numbers of axes.

    It follows what was found in a message; empty where nothing tells.
    """
    if 3 in axes.values() or any("box" in name.lower() for name in axes):
        return "; boxes of a detector are read with --readout boxes"
    if 4 in axes.values():
        return (
            "; a segmentation is read with --readout pixels, a detector's grid of boxes with "
            "--readout boxes"
        )
    return ""


def axes(answer: object) -> dict[str, int]:
    """The number of axes of each tensor in an answer, by its path; of a tensor alone, by ""."""
    alone = getattr(answer, "ndim", None)
    if alone is not None:
        return {"": alone}
    return {".".join(keys): each.ndim for keys, each in tensors(answer)}


def find_scores(answer: object, count: int) -> tuple[str, ...] | None:
    """Where the scores (count, K) are in an answer that is no tensor; None unless that is plain.

    They are the part called `logits`, else the only part that has their shape.
    """
    found = [keys for keys, each in tensors(answer) if _is_scores(each, count)]
    named = [keys for keys in found if keys[-1] == LOGITS]
    chosen = named if len(named) == 1 else found
    return chosen[0] if len(chosen) == 1 else None


def part_note(answer: object, keys: tuple[str, ...]) -> str:
    """The note on where the scores were found."""
    return f"the model answers {outline(answer)}; its scores are read from {'.'.join(keys)!r}"


def tensors(answer: object, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Tensor]]:
    """The tensors in an answer, each after its path of keys, fields or numbers."""
    import torch

    for name, each in parts(answer).items() if len(keys) < DEPTH else ():
        if isinstance(each, torch.Tensor):
            yield (*keys, name), each
        else:
            yield from tensors(each, (*keys, name))


def _is_scores(value: Tensor, count: int) -> bool:
    return value.is_floating_point() and value.dim() == 2 and len(value) == count
