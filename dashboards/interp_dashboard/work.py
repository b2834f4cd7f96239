"""The work of background jobs: each result is a folder, named by its request and made once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from interp.comparison.compare import compare
from interp.comparison.comparison_run import labelled
from interp.comparison.result import ComparedImage, Comparison, ComparisonRequest, ImageRecord
from interp.context import Budget
from interp.evaluation.evaluate import evaluate
from interp.evaluation.request import EvaluationRequest
from interp.opening.named import open_method
from interp.registry import Registry
from interp.report.page import compare_with_report
from interp.request import Request
from interp.run import fit, run, survey
from interp.session import Session
from interp.spec import ModelSpec
from interp.storage.folder import MANIFEST
from interp_dashboard.choice.data import Data
from interp_dashboard.history import folder_name, pixels_of
from interp_dashboard.job import Job, Work
from interp_dashboard.model import job_model
from interp_dashboard.session import registry, session, setting

QUICK = 500
"""Samples of the first look at a comparison."""


def explain_work(request: Request, images: dict[str, np.ndarray]) -> Work:
    """Explain images (H, W, 3) uint8, given by name, by one method."""
    verb = partial(run, images=list(images.values()), names=list(images))
    words = f"{request.method} on {' '.join(images)}"
    return _once(session().runs(), words, request, verb, pixels_of(images))


def survey_work(request: Request, data: Data) -> Work:
    """What one method says of a model's classes, with examples from a data set."""
    return _once(session().runs(), f"{request.method} of classes", request, survey, data)


def fit_work(request: Request, data: Data) -> Work:
    """Let one method learn from a data set; a stopped fit is resumed.

    The result is shared with everybody, unless the model is the visitor's own.
    """
    mine = Path(request.model).is_relative_to(session().folder)
    place = session().learned() if mine else setting().runs
    words = f"{request.method} of {Path(request.model).stem}"
    return _once(place, words, request, fit, data)


def evaluate_work(request: EvaluationRequest, data: Data) -> Work:
    """Measure methods by metrics on a data set; a stopped evaluation is resumed."""
    words = f"{' '.join(each.name for each in request.methods)} on {Path(request.data).name}"
    return _once(session().runs(), words, request, evaluate, data)


def _once(
    place: Path,
    words: str,
    request: Request | EvaluationRequest,
    verb: Callable[..., Any],
    data: Data | str,
) -> Work:
    """Let `verb` write its folder, unless the same request has done so before.

    `data`: the data set to open, or a digest of the images that `verb` already has.
    """
    registered = registry()

    def work(job: Job) -> None:
        model = job_model(registered, request.model)
        opened = {"dataset": data.open(registered)} if isinstance(data, Data) else {}
        used = [str(data), model.spec.fingerprint, *(each.fingerprint for each in opened.values())]
        out = place / folder_name(words, request.model_dump_json(), *used)
        if not (out / MANIFEST).is_file():
            verb(
                request,
                Session(registered, model, job.pace.update, job.cancelled),
                out=out,
                **opened,
            )
        job.show(out)

    return work


def compare_work(
    registered: Registry,
    request: ComparisonRequest,
    images: dict[str, np.ndarray],
    runs: Path,
    quick: bool,
) -> Work:
    """Compare methods on images (H, W, 3) uint8, given by name, into a folder below `runs`.

    With `quick`, a first look with few samples is shown before. A comparison that was made before
    is only opened.
    """

    def work(job: Job) -> None:
        model = job_model(registered, request.model)
        words = " ".join([*(each.name for each in request.methods), "on", *images])
        used = request.model_dump_json(), model.spec.fingerprint, pixels_of(images)
        folder = runs / folder_name(words, *used)
        if (folder / MANIFEST).is_file():
            job.show(Comparison.open(folder))
            return
        options: dict[str, Any] = {
            "images": list(images.values()),
            "names": list(images),
            "on_image": PartialComparison(job, request, model.spec).put,
        }

        def stage(name: str) -> Session:
            return Session(registered, model, labelled(name, job.pace.update), job.cancelled)

        if quick:
            first = request.model_copy(update={"budget": Budget(samples=QUICK)})
            look = compare(first, stage("first look"), **options)
            job.pace.end = time.monotonic() + forecast(registered, look)
        name = "refining" if quick else "all samples"
        job.show(compare_with_report(request, stage(name), out=folder, **options))

    return work


@dataclass(frozen=True)
class PartialComparison:
    """The results so far; a refined result takes the place of the first look's."""

    job: Job
    request: ComparisonRequest
    model: ModelSpec
    cases: dict[str, ComparedImage] = field(default_factory=dict)
    records: dict[str, ImageRecord] = field(default_factory=dict)

    def put(self, case: ComparedImage) -> None:
        """Show an image's results so far, and let another job work before the next method."""
        before = self.cases.get(case.name, case)
        cells = tuple(
            old if new.waiting else new for old, new in zip(before.cells, case.cells, strict=True)
        )
        merged = replace(case, cells=cells)
        self.cases[case.name] = merged
        self.records[case.name] = ImageRecord.of(merged, self.model)
        listed = tuple(self.records.values()), tuple(self.cases.values())
        self.job.show(Comparison(self.request, self.model, *listed))
        self.job.rest()


def forecast(registered: Registry, look: Comparison) -> float:
    """Seconds that the comparison will take with all samples, at the first look's rate."""
    seconds = 0.0
    for at, choice in enumerate(look.request.methods):
        done = [each.outcomes[at] for each in look.records if each.outcomes[at].error is None]
        if done:
            params = open_method(registered, choice.name, choice.params).params
            wanted = getattr(params, "samples", QUICK)
            # another number of samples was not set by the budget: the design ended by itself
            more = wanted / QUICK if done[0].samples == QUICK else 1.0
            seconds += more * sum(each.seconds for each in done)
    return max(1.0, seconds)
