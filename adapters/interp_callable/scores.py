"""What a function answers, as scores (N, K)."""

from __future__ import annotations

from typing import Any

import numpy as np

from interp.errors import ModelError

EXPECTED = "expected scores ({}, classes) as an array, a list or a tensor"


def to_scores(answer: Any, count: int, name: str) -> np.ndarray:
    """Scores (N, K) float32 of `count` images; ModelError for an answer of another shape.

    One number per image, (N,), makes one class. One image may be answered with (K,).
    """
    found = _array(answer)
    if found is None or found.dtype.kind not in "biuf":
        what = type(answer).__name__ if found is None else f"values of type {found.dtype}"
        raise ModelError(f"{name} answers {what}; {EXPECTED.format(count)}")
    if found.ndim == 1 and len(found) == count:
        found = found[:, None]
    elif found.ndim < 2 and count == 1:
        found = found.reshape(1, -1)
    if found.ndim != 2 or len(found) != count or not found.shape[1]:
        images = "1 image" if count == 1 else f"{count} images"
        raise ModelError(f"{name} answers {found.shape} to {images}; {EXPECTED.format(count)}")
    return np.array(found, np.float32)  # a copy, since the function may use its array again


def _array(answer: Any) -> np.ndarray | None:
    """An array, a tensor of any framework, a table or nested lists as an array; else None."""
    try:
        if isinstance(answer, list | tuple):
            answer = [_plain(each) for each in answer]
        elif isinstance(answer, dict | set | str | bytes):
            return None
        found = np.asarray(_plain(answer))
    except (ValueError, TypeError, RuntimeError):
        return None
    return None if found.dtype.kind in "OUSV" else found


def _plain(value: Any) -> Any:
    """A PyTorch tensor as an array; anything else as it is."""
    return value.detach().cpu().float().numpy() if hasattr(value, "detach") else value
