"""A comparison as a job: a first look with few samples, then the methods' own numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from interp.comparison.compare import compare
from interp.comparison.result import Comparison, ComparisonRequest
from interp.context import Budget, Progress
from interp.drawing import slug
from interp.folder import MANIFEST
from interp.opening import open_method
from interp.registry import Registry
from interp_dashboard.job import Work
from interp_dashboard.model import to_explain

QUICK = 500
"""Samples of the first look."""


def stages(
    known: Registry,
    request: ComparisonRequest,
    images: dict[str, np.ndarray],
    runs: Path,
    quick: bool,
) -> Work:
    """A first look, if wanted; then the methods' own numbers, in a folder named by what is asked.

    What was asked before lies there whole, and is only opened.
    """

    def work(progress: Any, cancelled: Any) -> Iterator[Comparison]:
        how: dict[str, Any] = {
            "registry": known,
            "model": to_explain(known, request.model),
            "images": list(images.values()),
            "names": list(images),
            "cancelled": cancelled,
        }
        folder = runs / _name(request, how["model"].spec.fingerprint, images)
        if (folder / MANIFEST).is_file():
            yield Comparison.open(folder)
            return
        stage = "all samples"
        if quick:
            first = request.model_copy(update={"budget": Budget(samples=QUICK)})
            seen = compare(first, **how, progress=_labelled("first look", progress))
            stage = f"refining, about {forecast(known, seen):.0f} s in all"
            yield seen
        yield compare(request, **how, out=folder, progress=_labelled(stage, progress))

    return work


def forecast(known: Registry, seen: Comparison) -> float:
    """Seconds that the methods' own numbers of samples will take, at the first look's rate."""
    seconds = 0.0
    for at, choice in enumerate(seen.request.methods):
        done = [each.outcomes[at] for each in seen.records if each.outcomes[at].error is None]
        if done:
            params = open_method(known, choice.name, choice.params).params
            wanted = getattr(params, "samples", QUICK)
            # other numbers are not the budget's: of designs with an end of their own
            more = wanted / QUICK if done[0].samples == QUICK else 1.0
            seconds += more * sum(each.seconds for each in done)
    return max(1.0, seconds)


def _labelled(stage: str, progress: Progress) -> Progress:
    return lambda label, done, total: progress(f"{stage}: {label}", done, total)


def _name(request: ComparisonRequest, model: str, images: dict[str, np.ndarray]) -> str:
    """The folder of a request on this model and these pixels."""
    content = hashlib.sha256(f"{request.model_dump_json()} {model}".encode())
    for each in images.values():
        content.update(each.tobytes())
    words = slug(" ".join([*(each.name for each in request.methods), "on", *images]))
    return f"{words[:60]}-{content.hexdigest()[:10]}"
