"""A comparison as a job: a first look with few samples, then the methods' own numbers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from interp.comparison.compare import compare
from interp.comparison.result import ComparedImage, Comparison, ComparisonRequest, ImageRecord
from interp.context import Budget, Progress
from interp.opening.named import open_method
from interp.registry import Registry
from interp.report import write_reports
from interp.session import Session
from interp.spec import ModelSpec
from interp.storage.folder import MANIFEST
from interp_dashboard.history import folder_name, pixels_of
from interp_dashboard.job import Job, Work
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

    def work(job: Job) -> None:
        model = to_explain(known, request.model)
        words = " ".join([*(each.name for each in request.methods), "on", *images])
        asked = request.model_dump_json(), model.spec.fingerprint, pixels_of(images)
        folder = runs / folder_name(words, *asked)
        if (folder / MANIFEST).is_file():
            job.show(Comparison.open(folder))
            return
        how: dict[str, Any] = {
            "images": list(images.values()),
            "names": list(images),
            "on_image": Board(job, request, model.spec).put,
        }

        def session(stage: str) -> Session:
            return Session(known, model, _labelled(stage, job.tell), job.cancelled)

        if quick:
            first = request.model_copy(update={"budget": Budget(samples=QUICK)})
            seen = compare(first, session("first look"), **how)
            job.pace.end = time.monotonic() + forecast(known, seen)
        stage = "refining" if quick else "all samples"
        found = compare(request, session(stage), **how, out=folder)
        write_reports(known, found, job.tell)
        job.show(found)

    return work


@dataclass(frozen=True)
class Board:
    """What is known so far, shown by the job: a refined answer takes its first look's place."""

    job: Job
    request: ComparisonRequest
    model: ModelSpec
    cases: dict[str, ComparedImage] = field(default_factory=dict)
    records: dict[str, ImageRecord] = field(default_factory=dict)

    def put(self, case: ComparedImage) -> None:
        """An image's answers so far; between two methods another job may work."""
        before = self.cases.get(case.name, case)
        cells = tuple(
            old if new.waiting else new for old, new in zip(before.cells, case.cells, strict=True)
        )
        whole = replace(case, cells=cells)
        self.cases[case.name], self.records[case.name] = whole, ImageRecord.of(whole, self.model)
        listed = tuple(self.records.values()), tuple(self.cases.values())
        self.job.show(Comparison(self.request, self.model, *listed))
        self.job.rest()


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
