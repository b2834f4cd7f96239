"""The one road: a request becomes an explanation, whichever door it came through."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from interp.bundle import save_bundle
from interp.context import Context, Progress, silent
from interp.dataset import Dataset
from interp.drawing import draw
from interp.errors import InputError, InterpError, PluginError, blamed
from interp.explanation import Explanation, Provenance, join
from interp.folder import check_writable
from interp.knowledge import Knowledge
from interp.method import Method, Style
from interp.model import ModelAdapter
from interp.opening import open_data, open_images, open_knowledge, open_method, require
from interp.prediction import choose_targets
from interp.registry import Registry
from interp.request import Request
from interp.source import open_model
from interp.target import Target


@dataclass(frozen=True, eq=False)
class Result:
    """What run made: the explanation, its pictures by file name, and where they were saved."""

    explanation: Explanation
    drawings: dict[str, np.ndarray]
    bundle: Path | None = None

    @property
    def pictures(self) -> list[Path]:
        """The files of the pictures."""
        return [] if self.bundle is None else [self.bundle / name for name in self.drawings]


def run(
    request: Request,
    *,
    registry: Registry | None = None,
    model: object = None,
    images: Sequence[np.ndarray] | None = None,
    out: Path | None = None,
    resume: bool = False,
    progress: Progress = silent,
    cancelled: Callable[[], bool] = lambda: False,
    style: Style | None = None,
) -> Result:
    """Explain images by one method and draw it; with `out`, save a bundle there.

    `model` (a ModelAdapter or a framework's own object) and `images` ((H, W, 3) uint8 RGB) take
    the place of the request's names. With `resume`, progress is kept beside `out` until the
    bundle is whole, and gone on from. Raises the errors of interp.errors.
    """
    registry = registry or Registry.load()
    if out is not None:
        check_writable(out)
    checkpoint = _checkpoint(out) if resume else None
    explanation = explain(
        request,
        registry=registry,
        model=model,
        images=images,
        checkpoint=checkpoint,
        progress=progress,
        cancelled=cancelled,
    )
    return finish(registry, request, explanation, style, out, checkpoint)


def explain(
    request: Request,
    *,
    registry: Registry | None = None,
    model: object = None,
    images: Sequence[np.ndarray] | None = None,
    names: Sequence[str] | None = None,
    checkpoint: Path | None = None,
    memory: dict[str, Any] | None = None,
    progress: Progress = silent,
    cancelled: Callable[[], bool] = lambda: False,
) -> Explanation:
    """The explanation alone, neither drawn nor saved; otherwise as run. `names` are the images'.

    Calls that are handed the same `memory` share measured batch sizes and the model's answers: a
    pool of perturbations is asked once, whichever methods and targets use it.
    """
    begun = time.monotonic()
    registry = registry or Registry.load()
    method, opened, context = _begin(registry, request, model, checkpoint, progress, cancelled)
    if memory is not None:
        context = replace(context, memory=memory)
    found, pictures = open_images(registry, request, images)
    knowledge = open_knowledge(request, opened)
    predictions, groups = choose_targets(opened, request.targets, pictures)
    registry.hook("interp_before_run", request=request)
    context.stop()
    explanation = _explain(request.method, method, opened, pictures, groups, knowledge, context)
    made = Provenance(
        method=request.method,
        model=opened.spec,
        targets=tuple(dict.fromkeys(each.name for each in groups)),
        params=method.params.model_dump(mode="json"),
        seed=request.seed,
        predictions=predictions,
        image_names=found if names is None else tuple(names),
        seconds=round(time.monotonic() - begun, 3),
    )
    explanation = replace(explanation, images=tuple(pictures), provenance=made)
    registry.hook("interp_after_run", explanation=explanation)
    return explanation


def survey(
    request: Request,
    *,
    registry: Registry | None = None,
    model: object = None,
    dataset: Dataset | None = None,
    out: Path | None = None,
    progress: Progress = silent,
    cancelled: Callable[[], bool] = lambda: False,
    style: Style | None = None,
) -> Result:
    """What a method says of the model's classes, of no single image; as run otherwise."""
    begun = time.monotonic()
    registry = registry or Registry.load()
    if out is not None:
        check_writable(out)
    method, opened, context = _begin(registry, request, model, None, progress, cancelled)
    knowledge = open_knowledge(request, opened)
    registry.hook("interp_before_run", request=request)
    with blamed(request.method):
        found = method.survey(opened, dataset or open_data(request), knowledge, context)
    for each in found.evidence:
        _check_evidence(request.method, each)
    made = Provenance(
        method=request.method,
        model=opened.spec,
        params=method.params.model_dump(mode="json"),
        seed=request.seed,
        seconds=round(time.monotonic() - begun, 3),
    )
    explanation = replace(found, provenance=made)
    registry.hook("interp_after_run", explanation=explanation)
    return finish(registry, request, explanation, style, out)


def finish(
    registry: Registry,
    request: Request,
    explanation: Explanation,
    style: Style | None = None,
    out: Path | None = None,
    checkpoint: Path | None = None,
) -> Result:
    """Draw an explanation; with `out`, save the bundle there and drop the checkpoint."""
    drawings = draw(registry, explanation, style or Style())
    if out is not None:
        save_bundle(out, request, explanation, drawings)
        _forget(checkpoint)
    return Result(explanation, drawings, out)


def fit(
    request: Request,
    *,
    registry: Registry | None = None,
    model: object = None,
    dataset: Dataset | None = None,
    out: Path | None = None,
    resume: bool = False,
    progress: Progress = silent,
    cancelled: Callable[[], bool] = lambda: False,
) -> Knowledge:
    """Let a method learn what it needs of a model; with `out`, save the knowledge there."""
    registry = registry or Registry.load()
    if out is not None:
        check_writable(out)
    checkpoint = _checkpoint(out) if resume else None
    method, opened, context = _begin(registry, request, model, checkpoint, progress, cancelled)
    with blamed(request.method):
        knowledge = method.fit(opened, dataset or open_data(request), context)
    if out is not None:
        knowledge.save(out)
        _forget(checkpoint)
    return knowledge


def merge(
    parts: Sequence[Path], out: Path | None = None, registry: Registry | None = None
) -> Knowledge:
    """Join what processes learned in parts, each by fit with a shard; with `out`, save it there."""
    if out is not None:
        check_writable(out)
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


def _begin(
    registry: Registry,
    request: Request,
    model: object,
    checkpoint: Path | None,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> tuple[Method, ModelAdapter, Context]:
    """The method, the model it can work on, and the run's surroundings; all checked."""
    method = open_method(registry, request.method, request.params)
    context = Context(
        seed=request.seed,
        budget=request.budget,
        progress=progress,
        cancelled=cancelled,
        checkpoint=checkpoint,
        lookup=registry.get,
    )
    opened = open_model(request.model if model is None else model, request.options, registry)
    require(request.method, method, opened)
    return method, opened, context


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


def _checkpoint(out: Path | None) -> Path:
    if out is None:
        raise InputError("--resume needs --out: progress is kept beside that folder")
    return out.with_name(f"{out.name}.partial")


def _forget(checkpoint: Path | None) -> None:
    """Drop the progress that was kept, once the result is whole."""
    if checkpoint is not None:
        shutil.rmtree(checkpoint, ignore_errors=True)
