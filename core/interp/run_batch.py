"""Several images explained together, each with a result of its own."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from interp.dataset import Example
from interp.errors import (
    Cancelled,
    InputError,
    InterpError,
    OutputError,
    PluginError,
    blamed,
)
from interp.explanation import Explanation
from interp.explanation_check import check_explanation
from interp.guard import read_only
from interp.knowledge import Knowledge
from interp.lazy_type import Tensor
from interp.method import PerImageMethod
from interp.network.plain_tensors import plain_tensors
from interp.opening.named import open_knowledge, open_method
from interp.opening.prediction import Question, choose_targets, score_each
from interp.registry.hook import call_before
from interp.request import Request
from interp.run import Job, prepare
from interp.session import Session
from interp.target import Target


def images_at_once(request: Request, session: Session) -> int:
    """How many images of a folder the request's method explains together, with its model open.

    One where targets are found on each image, and where the time for an image is limited.
    """
    model = session.open_model(request.model, request.options)
    if model.focuses or request.budget.seconds is not None:
        return 1
    method = open_method(session.registry, request.method, request.params)
    with blamed(request.method):
        return max(1, method.images_at_once(model, session.context(request.seed, request.budget)))


def batched(requests: Iterable[Request], session: Session) -> frozenset[str]:
    """The methods of the requests that explain several images together.

    One that cannot serve the model is not among them, and says why where it explains an image.
    """
    found = set()
    for each in requests:
        with suppress(InterpError):
            found |= {each.method} if images_at_once(each, session) > 1 else set()
    return frozenset(found)


@plain_tensors(recorded=True)
def run_batch(
    request: Request,
    session: Session,
    examples: Sequence[Example],
    targets: Sequence[Sequence[str]] = (),
) -> list[Explanation | InterpError]:
    """What run answers for each image alone, in one call of the method; nothing is saved.

    `targets` are each image's own, as many for each, in the place of the request's. An image on
    which the method fails has the error instead. Where it fails on several images together, each
    is explained by itself.
    """
    try:
        return list(_together(request, session, examples, targets))
    except (Cancelled, OutputError):
        raise
    except InterpError as error:
        if len(examples) == 1:
            if isinstance(error, (PluginError, InputError)):  # such as nothing found in the image
                return [error]
            raise
        own = targets or [request.targets] * len(examples)
        alone = zip(examples, own, strict=True)
        return [found for one, its in alone for found in run_batch(request, session, [one], [its])]


def _together(
    request: Request,
    session: Session,
    examples: Sequence[Example],
    own_targets: Sequence[Sequence[str]],
) -> Iterator[Explanation]:
    images = [each.image for each in examples]
    names = [each.name for each in examples]
    given = [read_only(each) for each in images]
    begun = time.monotonic()
    with prepare(request, session, None, None, None, resume=False) as job:
        knowledge = open_knowledge(request, job.model)
        with job.watched() as watch:
            scores = _scores(job, given)
            predictions, questions = choose_targets(
                job.model, request.targets, images, names, scores, own_targets
            )
            asked = own_targets or [request.targets] * len(names)
            requests = [
                request.of_image(each.source).model_copy(update={"targets": tuple(own)})
                for each, own in zip(examples, asked, strict=True)
            ]
            told = [
                call_before(job.registry, "interp_before_run", request=each) for each in requests
            ]
            job.context.out_of_time()
            found = _explain(job, given, questions, knowledge)
        watch.compare_images(images, given)
        seconds = round((time.monotonic() - begun) / len(examples), 3)
        for at, each in enumerate(found):
            notes = (*examples[at].notes, *each.notes, *job.left(watch), *told[at])
            yield job.described(
                replace(each, notes=notes),
                [images[at]],
                requests[at],
                targets=tuple(dict.fromkeys(target.name for target in _asked(questions, at))),
                predictions=(predictions[at],),
                image_names=(names[at],),
                seconds=seconds,
            )


def _scores(job: Job, images: Sequence[np.ndarray]) -> Tensor | None:
    """Raw scores of several images from one pass; None: each is predicted by itself."""
    found = job.scores(images)
    alone = len(images) == 1 or job.model.focuses
    return score_each(job.model, images) if found is None and not alone else found


def _explain(
    job: Job,
    images: Sequence[np.ndarray],
    questions: Sequence[Question],
    knowledge: Knowledge | None,
) -> list[Explanation]:
    """The method's answer for each image."""
    if len(images) == 1:
        return [job.explain(images, questions, knowledge)]
    name = job.request.method
    targets = [_asked(questions, at) for at in range(len(images))]
    with blamed(name):
        found = list(job.method.explain_each(job.model, images, targets, knowledge, job.context))
    if len(found) != len(images):
        raise PluginError(f"{name} explains {len(found)} of {len(images)} images; expected each")
    if isinstance(job.method, PerImageMethod):  # which leaves the image's number to its caller
        found = [each.about_image(0) for each in found]
    return [
        check_explanation(each, name, [image]) for each, image in zip(found, images, strict=True)
    ]


def _asked(questions: Sequence[Question], image: int) -> list[Target]:
    """The targets that are asked of an image."""
    return [target for each in questions if image in each.images for target in each.targets]
