"""The work of background jobs: each result is a folder, named by its request and made once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from interp.comparison.compare import compare
from interp.comparison.comparison_run import labelled
from interp.comparison.models import ModelComparison, compare_models
from interp.comparison.result import ComparedImage, Comparison, ComparisonRequest, ImageRecord
from interp.context import Budget
from interp.evaluation.request import EvaluationRequest
from interp.model import ModelAdapter
from interp.registry import Registry
from interp.report.evaluation_page import evaluate_with_report
from interp.report.page import compare_with_report
from interp.request import Request
from interp.run import fit, run, survey
from interp.session import Session
from interp.spec import ModelSpec
from interp.storage.folder import MANIFEST
from interp.suggestion.suggest import SuggestionRequest, suggest
from interp_dashboard.choice.data import Data
from interp_dashboard.history import folder_name, pixels_of
from interp_dashboard.job import Job, Work
from interp_dashboard.model import job_model
from interp_dashboard.pool import Isolated
from interp_dashboard.session import is_own, registry, session, setting
from interp_dashboard.unfinished import QUICK, wanted_samples

EXTRA = 200
"""What a method takes beside its samples, in samples."""


def explain_work(request: Request, images: dict[str, np.ndarray]) -> Work:
    """Explain images (H, W, 3) uint8, given by name, by one method."""
    verb = partial(run, images=list(images.values()), names=list(images))
    words = f"{request.method} on {' '.join(images)}"
    return _placed(FolderWork(session().runs(), words, request, verb, pixels_of(images)))


def survey_work(request: Request, data: Data) -> Work:
    """What one method says of a model's classes, with examples from a data set."""
    words = f"{request.method} of classes"
    return _placed(FolderWork(session().runs(), words, request, survey, data))


def fit_work(request: Request, data: Data) -> Work:
    """Let one method learn from a data set; a stopped fit is resumed.

    The result is shared with everybody, unless the model is the visitor's own.
    """
    place = session().learned() if is_own(request.model) else setting().runs
    words = f"{request.method} of {Path(request.model).stem}"
    return _placed(FolderWork(place, words, request, fit, data))


def evaluate_work(request: EvaluationRequest, data: Data) -> Work:
    """Measure methods by metrics on a data set; a stopped evaluation is resumed."""
    words = f"{' '.join(each.name for each in request.methods)} on {Path(request.data).name}"
    return _placed(FolderWork(session().runs(), words, request, evaluate_with_report, data))


def compare_work(request: ComparisonRequest, images: dict[str, np.ndarray], quick: bool) -> Work:
    """Compare methods on images (H, W, 3) uint8, given by name.

    With `quick`, a first look with few samples is shown before. A comparison that was made before
    is only opened.
    """
    return _placed(ComparisonWork(session().runs(), request, images, quick))


def models_work(
    request: ComparisonRequest, models: Sequence[str], images: dict[str, np.ndarray]
) -> Work:
    """Compare methods on images (H, W, 3) uint8, given by name, on each of the models."""
    return _placed(ModelsWork(session().runs(), request, tuple(models), images))


def suggest_work(request: SuggestionRequest, image: np.ndarray) -> Work:
    """Try the methods on an image (H, W, 3) uint8, and recommend three."""
    return _placed(SuggestionWork(request, image))


def _placed(work: FolderWork | ComparisonWork | ModelsWork | SuggestionWork) -> Work:
    """The work in a process: in one under limits where a model is the visitor's own.

    Without workers, work on other models is done in the server's process.
    """
    models = work.models if isinstance(work, ModelsWork) else (work.request.model,)
    own = any(map(is_own, models))
    return Isolated(work, own) if own or setting().workers else work


@dataclass(frozen=True)
class FolderWork:
    """Let `verb` write a folder in `place`, unless the same request has done so before.

    `data`: the data set to open, or a digest of the images that `verb` already has.
    """

    place: Path
    words: str
    request: Request | EvaluationRequest
    verb: Callable[..., Any]
    data: Data | str

    def __call__(self, job: Job) -> None:
        """Show the folder."""
        model, data = job_model(self.request.model), self.data
        opened = {"dataset": data.open(registry())} if isinstance(data, Data) else {}
        used = [str(data), model.spec.fingerprint, *(each.fingerprint for each in opened.values())]
        out = self.place / folder_name(self.words, self.request.model_dump_json(), *used)
        if not (out / MANIFEST).is_file():
            shared = Session(registry(), model, job.pace.update, job.cancelled)
            self.verb(self.request, shared, out=out, **opened)
        job.show(out)


def _comparison_folder(
    place: Path, request: ComparisonRequest, model: ModelAdapter, images: dict[str, np.ndarray]
) -> Path:
    """The folder of a comparison, which is the same for the same request, model and pixels."""
    words = " ".join([*(each.name for each in request.methods), "on", *images])
    used = request.model_dump_json(), model.spec.fingerprint, pixels_of(images)
    return place / folder_name(words, *used)


@dataclass(frozen=True)
class ComparisonWork:
    """Compare methods on images (H, W, 3) uint8, given by name, into a folder in `place`."""

    place: Path
    request: ComparisonRequest
    images: dict[str, np.ndarray]
    quick: bool

    def __call__(self, job: Job) -> None:
        """Show the comparison as it grows, then the whole one."""
        request, model = self.request, job_model(self.request.model)
        folder = _comparison_folder(self.place, request, model, self.images)
        if (folder / MANIFEST).is_file():
            job.show(Comparison.open(folder, registry()))
            return
        options: dict[str, Any] = {
            "images": list(self.images.values()),
            "names": list(self.images),
            "on_image": PartialComparison(job, request, model.spec).put,
        }

        def stage(name: str) -> Session:
            return Session(registry(), model, labelled(name, job.pace.update), job.cancelled)

        parts = Parts(registry(), request, len(self.images))
        job.pace.plan([*(parts.looks() if self.quick else ()), *parts.whole()])
        if self.quick:
            first = request.model_copy(update={"budget": Budget(samples=QUICK)})
            look = compare(first, stage("first look"), **options)
            job.pace.plan(parts.forecast(look), seconds=True)
        name = "refining" if self.quick else "all samples"
        job.show(compare_with_report(request, stage(name), out=folder, **options))


@dataclass(frozen=True)
class ModelsWork:
    """Compare methods on images (H, W, 3) uint8 of several models, each into a folder in `place`.

    A model's comparison that was made before is only opened.
    """

    place: Path
    request: ComparisonRequest
    models: tuple[str, ...]
    images: dict[str, np.ndarray]

    def __call__(self, job: Job) -> None:
        """Show the models side by side, at first those that are ready."""
        done: list[Comparison] = []

        def compare_one(_: int, asked: ComparisonRequest) -> Comparison:
            model = job_model(asked.model)
            folder = _comparison_folder(self.place, asked, model, self.images)
            if not (folder / MANIFEST).is_file():
                shared = Session(
                    registry(), model, labelled(model.spec.name, job.pace.update), job.cancelled
                )
                pixels, names = list(self.images.values()), list(self.images)
                compare_with_report(asked, shared, out=folder, images=pixels, names=names)
            done.append(Comparison.open(folder, registry()))
            job.show(ModelComparison(tuple(done)))
            job.rest()
            return done[-1]

        parts = Parts(registry(), self.request, len(self.images))
        job.pace.plan(parts.whole() * len(self.models))
        compare_models(self.request, self.models, compare_one)


@dataclass(frozen=True)
class SuggestionWork:
    """Advice on methods, for an image (H, W, 3) uint8."""

    request: SuggestionRequest
    image: np.ndarray

    def __call__(self, job: Job) -> None:
        """Show the advice."""
        model = job_model(self.request.model)
        shared = Session(registry(), model, job.pace.update, job.cancelled)
        job.show(suggest(self.request, shared, image=self.image))


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
        if not all(each.waiting for each in case.cells):
            self.job.pace.next_part()
        listed = tuple(self.records.values()), tuple(self.cases.values())
        self.job.show(Comparison(self.request, self.model, *listed))
        self.job.rest()


@dataclass(frozen=True)
class Parts:
    """What each method takes on each image, in the order in which they run."""

    registry: Registry
    request: ComparisonRequest
    images: int

    def looks(self) -> list[float]:
        """Samples of the first look, each run as EXTRA more."""
        return self._each([min(QUICK, each) + EXTRA for each in self._samples])

    def whole(self) -> list[float]:
        """Samples of the whole comparison."""
        return self._each([each + EXTRA for each in self._samples])

    def forecast(self, look: Comparison) -> list[float]:
        """Seconds with all samples, at the first look's rate."""
        seconds = []
        for at, samples in enumerate(self._samples):
            done = [each.outcomes[at] for each in look.records if each.outcomes[at].error is None]
            # another number of samples was not set by the budget: the design ended by itself
            limited = bool(done) and done[0].samples == QUICK
            more = samples / QUICK if limited else 1.0
            seconds.append(more * sum(each.seconds for each in done) / self.images)
        return self._each(seconds)

    @property
    def _samples(self) -> list[int]:
        return [wanted_samples(self.registry, each) for each in self.request.methods]

    def _each(self, values: Sequence[float]) -> list[float]:
        """By image and method; those without samples come first."""
        known = zip(self._samples, values, strict=True)
        return [value for _, value in sorted(known, key=lambda each: each[0] > 0)] * self.images
