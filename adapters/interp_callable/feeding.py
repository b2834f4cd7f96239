"""How a function is fed: whole batches, batches of one, or bare images; found by trying."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from interp.errors import ModelError
from interp_callable.function import Function
from interp_callable.scores import to_scores

TOLERANCE = 1e-4
"""How far a batch's scores may be from its images' own, relative to the largest."""


class Portion(StrEnum):
    """What a function is given at a time."""

    BATCH = "whole batches"
    ROW = "batches of one image"
    IMAGE = "single images without a batch axis"


@dataclass(frozen=True)
class Feeding:
    """What was found by trying a function on a few images: its portion, and its scores (N, K)."""

    portion: Portion
    scores: np.ndarray
    spread: float | None = None
    """How far two answers to the same images differ, relative to the largest; None: not at all."""
    notes: tuple[str, ...] = ()


def ask(function: Function, portion: Portion, arrays: np.ndarray) -> np.ndarray:
    """The function's scores (N, K) for images (N, ...), given portion by portion."""
    if portion is Portion.BATCH:
        return to_scores(function(arrays), len(arrays), function.name)
    portions = arrays if portion is Portion.IMAGE else arrays[:, None]
    rows = [to_scores(function(each), 1, function.name) for each in portions]
    if len({each.shape for each in rows}) != 1:
        widths = sorted({each.shape[1] for each in rows})
        raise ModelError(f"{function.name} answers {widths} scores to images of one size")
    return np.concatenate(rows)


def try_feeding(function: Function, arrays: np.ndarray) -> Feeding:
    """The largest portion whose answers are those of each image alone.

    Raises ModelError, with what went wrong with a batch, where no portion gives finite scores.
    """
    first: ModelError | None = None
    for portion in (Portion.BATCH,) if function.remote else Portion:
        try:
            found = _try(function, portion, arrays)
        except ModelError as error:
            first = first or error
            continue
        if not np.isfinite(found.scores).all():
            raise ModelError(f"{function.name} answers NaN or infinity to test images; check it")
        return found
    raise first or ModelError(f"{function.name} gives no scores")


def _try(function: Function, portion: Portion, arrays: np.ndarray) -> Feeding:
    """What is found with one portion; ModelError where it gives no scores of the same shape."""
    scores, rows = ask(function, portion, arrays), None
    if portion is Portion.BATCH:
        rows = ask(function, Portion.ROW, arrays)
        if rows.shape != scores.shape:
            raise ModelError(
                f"{function.name} answers {scores.shape} to a batch and {rows.shape} to its "
                "images one by one; expected the same scores"
            )
    return _settle(function, portion, scores, rows, arrays)


def _settle(
    function: Function,
    portion: Portion,
    scores: np.ndarray,
    rows: np.ndarray | None,
    arrays: np.ndarray,
) -> Feeding:
    """Compare a batch with its rows, and with itself where they differ."""
    if rows is not None and (apart := difference(scores, rows)) <= TOLERANCE:
        return Feeding(portion, scores)
    again = ask(function, portion, arrays)
    spread = difference(scores, again)
    if spread > TOLERANCE:
        note = (
            "it answers differently from call to call (two answers to the same images differ by "
            f"{spread:.2g} of the largest score): no run can be repeated exactly"
        )
        return Feeding(portion, scores, spread, (*_alone(portion), note))
    if rows is None:
        return Feeding(portion, scores, None, _alone(portion))
    note = (
        f"a batch's scores differ from its images' own by {apart:.2g} of the largest score: "
        "images are given one by one"
    )
    return Feeding(Portion.ROW, rows, None, (note,))


def _alone(portion: Portion) -> tuple[str, ...]:
    if portion is Portion.BATCH:
        return ()
    return (f"it takes no batches: images are given one by one, as {portion}",)


def difference(first: np.ndarray, second: np.ndarray) -> float:
    """The largest difference of two sets of scores, relative to the largest score."""
    scale = max(float(np.abs(first).max()), 1e-12)
    found = float(np.abs(first - second).max()) / scale
    return found if np.isfinite(found) else 0.0
