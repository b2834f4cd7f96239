"""Running a request: every front end builds one, and these functions do the work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.context import Context
from interp.dataset import Dataset, Example, for_channels
from interp.errors import InputError, PluginError, UnsupportedError, blamed, users_code
from interp.evidence import Evidence
from interp.explanation import Explanation, Origin, Provenance, join
from interp.explanation_check import check_explanation, check_knowledge
from interp.guard import Watch, read_only, watched
from interp.knowledge import Knowledge
from interp.method import Method, Style
from interp.model import ModelAdapter
from interp.network.outputs import outline
from interp.network.plain_tensors import plain_tensors
from interp.network.weight_state import Originals
from interp.opening.images import named_images, open_data
from interp.opening.named import open_knowledge, open_method, require, require_verb
from interp.opening.prediction import Question, added_notes, choose_targets
from interp.registry import Registry
from interp.registry.hook import call_after, call_before
from interp.registry.origin import origins
from interp.request import Request
from interp.result.bundle import Made, save_bundle
from interp.result.draw import draw
from interp.session import Session
from interp.storage.folder import check_new_folder
from interp.storage.pixel import to_picture
from interp.storage.progress_folder import ProgressFolder
from interp.storage.resumable import other_content

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Result:
    """The result of a run: the explanation, and the bundle where one was saved."""

    explanation: Explanation
    registry: Registry
    style: Style
    bundle: Path | None = None

    @cached_property
    def drawings(self) -> dict[str, np.ndarray]:
        """The pictures, (h, w, 3) uint8 RGB by file name, drawn when first used."""
        return draw(self.registry, self.explanation, self.style)

    @property
    def pictures(self) -> list[Path]:
        """The files of the pictures; none where no bundle was saved."""
        return [] if self.bundle is None else [self.bundle / name for name in self.drawings]


@plain_tensors(recorded=True)
def run(
    request: Request,
    session: Session | None = None,
    *,
    registry: Registry | None = None,
    model: object = None,
    images: Sequence[Any] | None = None,
    names: Sequence[str] | None = None,
    out: str | Path | None = None,
    resume: bool = True,
    style: Style | None = None,
) -> Result:
    """Explain images by one method; with `out`, save a bundle with its pictures there.

    `registry` and `model` are short for a session that holds just these. `images`, as read_image
    takes them, with their `names`, take the place of the request's. What was assumed in reading
    them is said in the explanation's notes. Progress of long runs is kept beside
    `out` until the bundle is whole, and the same request goes on from it, unless `resume` is
    False. Raises the errors of interp.errors; a folder that is not empty is refused before any
    work.
    """
    with prepare(request, session, registry, model, out, resume) as job:
        return _explained(job, images, names, style)


def _explained(
    job: Job,
    images: Sequence[Any] | None,
    names: Sequence[str] | None,
    style: Style | None,
) -> Result:
    """The request's images, read and explained."""
    request = job.request
    wanted = request.images if images is None else names or ()
    named = named_images(job.registry, wanted, images)
    examples = list(for_channels(named, job.model.spec.input.channels))
    pictures = [each.image for each in examples]
    given = [read_only(each) for each in pictures]
    knowledge = open_knowledge(request, job.model)
    with job.watched() as watch:
        predictions, questions = choose_targets(
            job.model,
            request.targets,
            pictures,
            [each.name for each in examples],
            job.scores(given),
        )
        told = call_before(job.registry, "interp_before_run", request=request)
        job.context.out_of_time()
        found = job.explain(given, questions, knowledge)
    watch.compare_images(pictures, given)
    notes = (*_reading_notes(examples), *found.notes, *job.left(watch), *told)
    return job.finish(
        replace(found, notes=notes),
        style,
        pictures,
        targets=tuple(dict.fromkeys(name for each in questions for name in each.names)),
        predictions=predictions,
        image_names=tuple(each.name for each in examples),
    )


@plain_tensors(recorded=True)
def survey(
    request: Request,
    session: Session | None = None,
    *,
    registry: Registry | None = None,
    model: object = None,
    dataset: Dataset | None = None,
    out: str | Path | None = None,
    style: Style | None = None,
) -> Result:
    """Explain a model's classes, with examples from a data set; otherwise as run.

    `dataset` takes the place of the request's.
    """
    with prepare(request, session, registry, model, out, resume=False) as job:
        require_verb(request.method, job.method, "survey")
        knowledge = open_knowledge(request, job.model)
        told = call_before(job.registry, "interp_before_run", request=request)
        data = job.data(dataset)
        with job.watched() as watch, blamed(request.method):
            found = job.method.survey(job.model, data, knowledge, job.context)
        check_explanation(found, request.method)
        notes = (*data.notes, *found.notes, *job.left(watch), *told)
        return job.finish(replace(found, notes=notes), style)


@plain_tensors(recorded=True)
def fit(
    request: Request,
    session: Session | None = None,
    *,
    registry: Registry | None = None,
    model: object = None,
    dataset: Dataset | None = None,
    out: str | Path | None = None,
) -> Knowledge:
    """Let a method learn what it needs of a model; with `out`, save the knowledge there.

    `dataset` takes the place of the request's. Progress is kept beside `out`, and the same request
    goes on from it. Otherwise as run.
    """
    with prepare(request, session, registry, model, out, resume=True) as job:
        require_verb(request.method, job.method, "fit")
        data = job.data(dataset)
        told = call_before(job.registry, "interp_before_fit", request=request)
        context = job.sharing(data)
        with job.watched() as watch, blamed(request.method):
            knowledge = job.method.fit(job.model, data, context)
        knowledge = _noted(job.checked(knowledge, watch), (*data.notes, *told))
        told = call_after(job.registry, "interp_after_fit", knowledge=knowledge)
        knowledge = _noted(knowledge, told)
        if out is None:
            return knowledge
        knowledge.save(out)
        job.remove_progress()
        return _noted(knowledge, job.session.saved(Path(out), knowledge))


def merge(
    parts: Sequence[str | Path], out: str | Path | None = None, registry: Registry | None = None
) -> Knowledge:
    """Join what processes learned in parts, each by fit with a shard; with `out`, save it there."""
    if out is not None:
        check_new_folder(Path(out))
    opened = [Knowledge.open(part) for part in parts]
    if len({each.method for each in opened}) != 1:
        raise InputError("expected parts that one method learned; name folders of fit --shard")
    name, registry = opened[0].method, registry or Registry.load()
    method = open_method(registry, name, {})
    require_verb(name, method, "merge")
    with blamed(name):
        knowledge = method.merge(opened)
    check_knowledge(knowledge, name)
    if out is None:
        return knowledge
    knowledge.save(out)
    return _noted(knowledge, Session(registry).saved(Path(out), knowledge))


def _noted(knowledge: Knowledge, more: Iterable[str]) -> Knowledge:
    """The knowledge with more notes, each once."""
    notes = list(dict.fromkeys((*knowledge.about.get("notes", ()), *more)))
    return replace(knowledge, about={**knowledge.about, "notes": notes}) if notes else knowledge


def _reading_notes(examples: Sequence[Example]) -> list[str]:
    """What was assumed in reading the images; of several, each note names its image's number."""
    several = len(examples) > 1
    return [
        f"image {number}: {note}" if several else note
        for number, each in enumerate(examples)
        for note in each.notes
    ]


@dataclass(frozen=True, eq=False)
class Job:
    """A request whose method and model are open and checked, and where its result goes."""

    request: Request
    session: Session
    method: Method
    model: ModelAdapter
    context: Context
    out: Path | None
    originals: Originals | None = None
    started: float = field(default_factory=time.monotonic)
    known_origins: dict[frozenset[str], tuple[Origin, ...]] = field(default_factory=dict)
    """By the kinds of evidence in a result, where its parts come from."""

    @property
    def registry(self) -> Registry:
        """The session's."""
        return self.session.registry

    def data(self, dataset: Dataset | None) -> Dataset:
        """The data set given, or else the request's, as the model sees it."""
        found = dataset or open_data(self.registry, self.request.data)
        return for_channels(found, self.model.spec.input.channels)

    def sharing(self, dataset: Dataset) -> Context:
        """The context of a fit, whose pieces the session's pool may do."""
        pool, content = self.session.pool, (self.model.spec.fingerprint, dataset.fingerprint)
        if pool.remote and not self.method.fits_in_pieces:
            raise UnsupportedError(
                f"fit of {self.request.method} is not cut into pieces for workers; leave out "
                "--workers and --cluster (a training takes several devices with --devices)"
            )
        reopen = partial(_reopened, self.request, content, self.session.reopen())
        return replace(self.context, pool=pool, reopen=reopen)

    def watched(self) -> AbstractContextManager[Watch]:
        """What the method leaves changed within the block is put back, and told by `left`."""
        return watched(self.model, self.originals)

    def left(self, watch: Watch) -> list[str]:
        """A note on what the method left changed; none where that is nothing."""
        return [f"{self.request.method} {watch.words}"] if watch.changes else []

    def checked(self, knowledge: Knowledge, watch: Watch) -> Knowledge:
        """What fit returned, with a note on what it left changed; PluginError if that remains."""
        name, left = self.request.method, self.left(watch)
        check_knowledge(knowledge, name)
        if not all(each.undone for each in watch.changes):
            raise PluginError(f"{left[0]}; what it learned is not kept")
        return _noted(knowledge, left)

    def scores(self, images: Sequence[np.ndarray]) -> Tensor | None:
        """The method's own scores of the images, where it has them and images share a model."""
        if self.model.focuses:
            return None
        with users_code(f"{self.model.spec.name} fails on the image"):
            found = self.method.scores(self.model, images, self.context)
        expected = (len(images), len(self.model.spec.classes))
        if found is not None and tuple(getattr(found, "shape", ())) != expected:
            raise PluginError(
                f"{self.request.method} gives scores of {outline(found)}; expected one row for "
                f"each image, {expected}"
            )
        return found

    def explain(
        self,
        images: Sequence[np.ndarray],
        questions: Sequence[Question],
        knowledge: Knowledge | None,
    ) -> Explanation:
        """The method's answers to the questions, as one explanation."""
        require_verb(self.request.method, self.method, "explain")
        parts = []
        for each in questions:
            chosen = [images[at] for at in each.images]
            with blamed(self.request.method):
                found = self.method.explain(
                    each.model, chosen, each.targets, knowledge, self.context
                )
            check_explanation(found, self.request.method, chosen)
            parts.append(self._numbered(found, each, len(images)))
        return join(parts)

    def _numbered(self, found: Explanation, question: Question, count: int) -> Explanation:
        """Images are numbered within the call; from here on among the request's `count`."""
        said = added_notes(self.model, question.model)
        at = f"image {question.images[0]}: " if count > 1 else ""
        found = replace(found, notes=(*found.notes, *(f"{at}{each}" for each in said)))
        if question.model is self.model:
            found = found.renumbered(dict(enumerate(question.images)), question.names)
        elif count > 1:
            found = found.on_image(question.images[0], question.names)
        evidence = (
            each if each.image is None else replace(each, image=question.images[each.image])
            for each in found.evidence
        )
        return replace(found, evidence=(*evidence, *question.outlines()))

    def finish(
        self,
        found: Explanation,
        style: Style | None,
        images: Sequence[np.ndarray] = (),
        **facts: Any,
    ) -> Result:
        """Add the provenance, call the plugins, and save the bundle."""
        explanation = self.described(found, images, **facts)
        result = Result(explanation, self.registry, style or Style(), self.out)
        if self.out is None:
            return result
        save_bundle(self.out, self.request, explanation, result.drawings)
        self.remove_progress()
        told = self.session.saved(self.out, explanation)
        return replace(result, explanation=explanation.noted(told)) if told else result

    def described(
        self,
        found: Explanation,
        images: Sequence[np.ndarray],
        request: Request | None = None,
        **facts: Any,
    ) -> Explanation:
        """The explanation with images and provenance, of which the plugins are told.

        `request`, by default the job's own, is the one that it answers.
        """
        provenance = Provenance(
            method=self.request.method,
            model=self.model.spec,
            params=self.method.params.model_dump(mode="json"),
            seed=self.request.seed,
            origins=self._origins(found.evidence),
            registries=tuple(map(str, self.registry.extra)),
            **{"seconds": round(time.monotonic() - self.started, 3), **facts},
        )
        bands = self.model.spec.input.bands
        pictures = tuple(to_picture(each, bands) for each in images)
        explanation = replace(
            found,
            notes=tuple(dict.fromkeys((*found.notes, *self.model.spec.notes))),
            images=pictures,
            provenance=provenance,
            source=Made(request or self.request, self.registry),
        )
        return explanation.noted(
            call_after(self.registry, "interp_after_run", explanation=explanation)
        )

    def _origins(self, evidence: Sequence[Evidence]) -> tuple[Origin, ...]:
        kinds = frozenset(each.kind for each in evidence)
        if kinds not in self.known_origins:
            found = origins(self.registry, self.request.method, evidence, self.model.spec)
            self.known_origins[kinds] = found
        return self.known_origins[kinds]

    def remove_progress(self) -> None:
        """Remove the progress that was kept, once the result is whole."""
        if self.context.checkpoint is not None and self.out is not None:
            ProgressFolder.beside(self.out).remove()


def _reopened(
    request: Request, content: tuple[str, str], session: Callable[[], Session]
) -> tuple[ModelAdapter, Dataset, Context]:
    """A fit's model, data and context in another process. InputError where they are others."""
    with prepare(request, session(), None, None, None, resume=False) as job:
        data = job.data(None)
        if (job.model.spec.fingerprint, data.fingerprint) != content:
            raise other_content()
        return job.model, data, job.context


@contextmanager
def prepare(
    request: Request,
    session: Session | None,
    registry: Registry | None,
    model: object,
    place: str | Path | None,
    resume: bool,
) -> Iterator[Job]:
    """The request's method and model, in the session given or in a new one.

    Progress may be kept beside the result's place within the block, unless `resume` is False.
    """
    out = None if place is None else Path(place)
    started = time.monotonic()
    if session is None:
        session = Session(registry or Registry.load(), model)
    elif registry is not None or model is not None:
        raise InputError("found a session beside registry or model; put these into the session")
    keeping: AbstractContextManager[Path | None] = nullcontext()
    if out is not None and resume:
        keeping = ProgressFolder.beside(out).kept()
    elif out is not None:
        check_new_folder(out)
    with keeping as kept:
        method = open_method(session.registry, request.method, request.params)
        context = session.context(request.seed, request.budget, kept)
        opened = session.open_model(request.model, request.options)
        require(request.method, method, opened)
        kept_weights = session.originals
        yield Job(request, session, method, opened, context, out, kept_weights, started)
