"""The one road: every front end builds a Request, and these functions do the work."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from interp.context import Context
from interp.dataset import Dataset
from interp.errors import InputError, InterpError, PluginError, blamed
from interp.explanation import Explanation, Provenance, join
from interp.knowledge import Knowledge
from interp.method import Method, Style
from interp.model import ModelAdapter
from interp.opening.named import open_data, open_images, open_knowledge, open_method, require
from interp.opening.prediction import choose_targets
from interp.registry import Registry
from interp.request import Request
from interp.result.bundle import save_bundle
from interp.result.draw import draw
from interp.session import Session
from interp.storage.folder import check_new_folder
from interp.target import Target


@dataclass(frozen=True, eq=False)
class Result:
    """What a run made: the explanation, the bundle if one was saved, and pictures when asked."""

    explanation: Explanation
    registry: Registry
    style: Style
    bundle: Path | None = None

    @cached_property
    def drawings(self) -> dict[str, np.ndarray]:
        """The pictures, (h, w, 3) uint8 RGB by file name, drawn when first asked for."""
        return draw(self.registry, self.explanation, self.style)

    @property
    def pictures(self) -> list[Path]:
        """The files of the pictures; none where no bundle was saved."""
        return [] if self.bundle is None else [self.bundle / name for name in self.drawings]


def run(
    request: Request,
    session: Session | None = None,
    *,
    registry: Registry | None = None,
    model: object = None,
    images: Sequence[np.ndarray] | None = None,
    names: Sequence[str] | None = None,
    out: Path | None = None,
    resume: bool = True,
    style: Style | None = None,
) -> Result:
    """Explain images by one method; with `out`, save a bundle with its pictures there.

    `registry` and `model` are short for a session that holds just these. `images` ((H, W, 3) uint8
    RGB), with their `names`, take the place of the request's. Progress of long runs is kept beside
    `out` until the bundle is whole, and the same request goes on from it, unless `resume` is
    False. Raises the errors of interp.errors; a folder that is not empty is refused before any
    work.
    """
    begun = time.monotonic()
    job = _begin(request, _session(session, registry, model), out, resume)
    found, pictures = open_images(job.registry, request, images)
    knowledge = open_knowledge(request, job.model)
    predictions, groups = choose_targets(job.model, request.targets, pictures)
    job.registry.hook("interp_before_run", request=request)
    job.context.out_of_time()
    explanation = _explain(
        request.method, job.method, job.model, pictures, groups, knowledge, job.context
    )
    made = job.provenance(
        begun,
        targets=tuple(dict.fromkeys(each.name for each in groups)),
        predictions=predictions,
        image_names=found if names is None else tuple(names),
    )
    return job.finish(replace(explanation, images=tuple(pictures), provenance=made), style)


def survey(
    request: Request,
    session: Session | None = None,
    *,
    registry: Registry | None = None,
    model: object = None,
    dataset: Dataset | None = None,
    out: Path | None = None,
    style: Style | None = None,
) -> Result:
    """What a method says of the model's classes, of no single image; otherwise as run."""
    begun = time.monotonic()
    job = _begin(request, _session(session, registry, model), out, resume=False)
    knowledge = open_knowledge(request, job.model)
    job.registry.hook("interp_before_run", request=request)
    with blamed(request.method):
        found = job.method.survey(job.model, dataset or open_data(request), knowledge, job.context)
    for each in found.evidence:
        _check_evidence(request.method, each)
    return job.finish(replace(found, provenance=job.provenance(begun)), style)


def fit(
    request: Request,
    session: Session | None = None,
    *,
    registry: Registry | None = None,
    model: object = None,
    dataset: Dataset | None = None,
    out: Path | None = None,
) -> Knowledge:
    """Let a method learn what it needs of a model; with `out`, save the knowledge there.

    Progress is kept beside `out`, and the same request goes on from it. Otherwise as run.
    """
    job = _begin(request, _session(session, registry, model), out, resume=True)
    with blamed(request.method):
        knowledge = job.method.fit(job.model, dataset or open_data(request), job.context)
    if out is not None:
        knowledge.save(out)
        job.forget()
    return knowledge


def merge(
    parts: Sequence[Path], out: Path | None = None, registry: Registry | None = None
) -> Knowledge:
    """Join what processes learned in parts, each by fit with a shard; with `out`, save it there."""
    if out is not None:
        check_new_folder(out)
    opened = [Knowledge.open(part) for part in parts]
    if len({each.method for each in opened}) != 1:
        raise InputError("expected parts that one method learned; name folders of fit --shard")
    name = opened[0].method
    method = open_method(registry or Registry.load(), name, {})
    with blamed(name):
        knowledge = method.merge(opened)
    if out is not None:
        knowledge.save(out)
    return knowledge


@dataclass(frozen=True, eq=False)
class _Job:
    """One request under way: what its names stand for, checked, and where its result goes."""

    request: Request
    registry: Registry
    method: Method
    model: ModelAdapter
    context: Context
    out: Path | None

    def provenance(self, begun: float, **found: Any) -> Provenance:
        """What made the explanation; `begun` is the monotonic clock at the start."""
        return Provenance(
            method=self.request.method,
            model=self.model.spec,
            params=self.method.params.model_dump(mode="json"),
            seed=self.request.seed,
            seconds=round(time.monotonic() - begun, 3),
            **found,
        )

    def finish(self, explanation: Explanation, style: Style | None) -> Result:
        """Tell the hooks, and save the bundle where one is wanted."""
        self.registry.hook("interp_after_run", explanation=explanation)
        result = Result(explanation, self.registry, style or Style(), self.out)
        if self.out is not None:
            save_bundle(self.out, self.request, explanation, result.drawings)
            self.forget()
        return result

    def forget(self) -> None:
        """Drop the progress that was kept, once the result is whole."""
        if self.context.checkpoint is not None:
            shutil.rmtree(self.context.checkpoint, ignore_errors=True)


def _begin(request: Request, session: Session, out: Path | None, resume: bool) -> _Job:
    """The method and the model it can work on, all checked."""
    if out is not None:
        check_new_folder(out)
    checkpoint = out.with_name(f"{out.name}.partial") if out is not None and resume else None
    method = open_method(session.registry, request.method, request.params)
    context = session.context(request.seed, request.budget, checkpoint)
    opened = session.open_model(request.model, request.options)
    require(request.method, method, opened)
    return _Job(request, session.registry, method, opened, context, out)


def _session(session: Session | None, registry: Registry | None, model: object) -> Session:
    """The session given, or a new one of what is given instead."""
    if session is None:
        return Session(registry or Registry.load(), model)
    if registry is not None or model is not None:
        raise InputError("found a session beside registry or model; put these into the session")
    return session


def _explain(
    name: str,
    method: Method,
    model: ModelAdapter,
    images: Sequence[np.ndarray],
    groups: dict[Target, list[int]],
    knowledge: Knowledge | None,
    context: Context,
) -> Explanation:
    """One call for all targets on all images, or one per top-1 class on its images."""
    with blamed(name):
        if len({tuple(members) for members in groups.values()}) == 1:
            targets, found = list(groups), list(range(len(images)))
            parts = [_renumber(method.explain(model, images, targets, knowledge, context), found)]
        else:
            parts = [
                _renumber(
                    method.explain(
                        model, [images[at] for at in found], [target], knowledge, context
                    ),
                    found,
                )
                for target, found in groups.items()
            ]
    for part in parts:
        for each in part.evidence:
            _check_evidence(name, each)
    return join(parts)


def _check_evidence(name: str, evidence: Any) -> None:
    try:
        evidence.check()
    except (InterpError, AttributeError) as error:
        raise PluginError(f"{name} returned evidence that cannot be used: {error}") from error


def _renumber(explanation: Explanation, images: Sequence[int]) -> Explanation:
    """Image numbers within a call as numbers within the request."""
    return replace(
        explanation,
        evidence=tuple(
            each if each.image is None else replace(each, image=images[each.image])
            for each in explanation.evidence
        ),
    )
