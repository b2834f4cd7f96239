"""The Python front: a model and an image, given as they are at hand.

Importing this module also gives explanations and comparisons their display in notebooks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.context import Budget
from interp.dataset import Dataset, open_dataset
from interp.errors import InputError
from interp.opening.source import open_model as open_source
from interp.registry import Registry
from interp.report.notebook import show_in_notebooks
from interp.request import Choice, Request
from interp.session import Session
from interp.spec import ModelOptions
from interp.storage.folder import check_new_folder
from interp.storage.image import check_array

if TYPE_CHECKING:
    from interp.comparison.result import Comparison
    from interp.difference.rerun import Rerun
    from interp.evaluation.result import Evaluation
    from interp.explanation import Explanation
    from interp.knowledge import Knowledge
    from interp.model import ModelAdapter

Targets = str | int | Sequence[str | int] | None
Params = Mapping[str, Any]
Methods = Sequence[str] | Mapping[str, Params]

show_in_notebooks()


def open_model(
    model: object, *, options: ModelOptions | None = None, registry: Registry | None = None
) -> ModelAdapter:
    """Open a model once, for many calls.

    `model`: a registered name, a file, `torchvision:NAME`, `package.module:factory`, a folder that
    `fit` wrote, or an nn.Module. `options` say what a file does not: input size, normalisation,
    class names, device. Raises ModelError for what no registered adapter opens.
    """
    source = str(model) if isinstance(model, Path) else model
    return open_source(source, options or ModelOptions(), registry or Registry.load())


def methods(registry: Registry | None = None) -> dict[str, str]:
    """The registered methods: what each one shows, in a line, by name."""
    return {each.name: each.summary for each in (registry or Registry.load()).entries("method")}


def explain(
    model: object,
    image: object,
    *,
    method: str = "mint",
    target: Targets = None,
    params: Params | None = None,
    knowledge: str | Path | None = None,
    options: ModelOptions | None = None,
    budget: Budget | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    registry: Registry | None = None,
    session: Session | None = None,
) -> Explanation:
    """Explain an image by one method; with `out`, also save a bundle in that new folder.

        found = interp.explain(network, "photo.jpg", method="gradcam", target="tiger cat")
        heat = found.map()  # (H, W), signed

    `model`: what open_model opens, or what it returned. `image`: a file, a sample's name, a PIL
    image or a uint8 RGB array (H, W, 3); or a list of these. `target`: a class by name or index,
    "dog, not cat", or a list; by default the model's own answer. `session` brings progress,
    cancellation and memory shared with other calls; `registry` is short for a session with it.
    Raises the errors of interp.errors; what is wrong with the call is raised before any work.
    """
    from interp.run import run

    _check_free(out)
    session, opened = _surroundings(session, registry, model, options)
    names, arrays = _images(image, session.registry)
    request = Request(
        method=method,
        model=opened.spec.source,
        options=options or ModelOptions(),
        images=names,
        targets=_targets(target),
        params=dict(params or {}),
        knowledge=None if knowledge is None else str(knowledge),
        seed=seed,
        budget=budget or Budget(),
    )
    return run(request, session, images=arrays, names=names, out=_path(out)).explanation


def compare(
    model: object,
    image: object,
    *,
    methods: Methods,
    target: Targets = None,
    options: ModelOptions | None = None,
    budget: Budget | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    registry: Registry | None = None,
    session: Session | None = None,
) -> Comparison:
    """Explain an image by several methods; with `out`, into a folder with an HTML report.

        both = interp.compare(network, "photo.jpg", methods=["mint", "gradcam"])

    `methods`: names, or names with parameters as {"mint": {"regions": 2}, "gradcam": {}}. The
    rest is as for explain. A method that fails says so in its own place; the others go on.
    """
    from interp.comparison.compare import compare as work
    from interp.comparison.result import ComparisonRequest
    from interp.report.page import write_reports

    session, opened = _surroundings(session, registry, model, options)
    names, arrays = _images(image, session.registry)
    request = ComparisonRequest(
        methods=_choices(methods),
        model=opened.spec.source,
        options=options or ModelOptions(),
        images=names,
        targets=_targets(target),
        seed=seed,
        budget=budget or Budget(),
    )
    found = work(request, session, images=arrays, names=names, out=_path(out))
    if out is not None:
        write_reports(session.registry, found, session.progress)
    return found


def evaluate(
    model: object,
    data: str | Path | Dataset,
    *,
    methods: Methods,
    metrics: Methods = (),
    limit: int | None = None,
    options: ModelOptions | None = None,
    budget: Budget | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    registry: Registry | None = None,
    session: Session | None = None,
) -> Evaluation:
    """Measure methods by metrics over a data set; with `out`, save tables and a plot there.

        found = interp.evaluate("creatures-vgg", "creatures", methods=["mint", "gradcam"], limit=50)

    `data`: a folder of images, a registered data set or a Dataset. `metrics`: names, or names with
    parameters; by default all that are registered. `limit`: so many images, a fixed choice among
    all. The rest is as for explain.
    """
    from interp.evaluation.evaluate import evaluate as work
    from interp.evaluation.request import EvaluationRequest

    _check_free(out)
    session, opened = _surroundings(session, registry, model, options)
    dataset = data if isinstance(data, Dataset) else None
    request = EvaluationRequest(
        methods=_choices(methods),
        metrics=_choices(metrics),
        model=opened.spec.source,
        options=options or ModelOptions(),
        data="given" if dataset is not None else str(data),
        limit=limit,
        seed=seed,
        budget=budget or Budget(),
    )
    return work(request, session, dataset=dataset, out=_path(out))


def fit(
    model: object,
    data: str | Path | Dataset,
    *,
    method: str,
    params: Params | None = None,
    options: ModelOptions | None = None,
    budget: Budget | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    registry: Registry | None = None,
    session: Session | None = None,
) -> Knowledge:
    """Let a method learn what it needs of a model from images; with `out`, save it there.

        interp.fit(network, "photos", method="chip", out="known")
        found = interp.explain(network, "photo.jpg", method="chip", knowledge="known")

    `data`: a folder of images, a registered data set or a Dataset. With `out`, the same call goes
    on where it was stopped. The rest is as for explain.
    """
    from interp.run import fit as work

    _check_free(out)
    session, request, dataset = _with_data(
        model, data, method, params, options, budget, seed, registry, session
    )
    return work(request, session, dataset=dataset, out=_path(out))


def survey(
    model: object,
    data: str | Path | Dataset,
    *,
    method: str,
    params: Params | None = None,
    knowledge: str | Path | None = None,
    options: ModelOptions | None = None,
    budget: Budget | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    registry: Registry | None = None,
    session: Session | None = None,
) -> Explanation:
    """What a method says of a model's classes, with examples from a data set; as explain otherwise.

    `data`: a folder of images, a registered data set or a Dataset.
    """
    from interp.run import survey as work

    _check_free(out)
    session, request, dataset = _with_data(
        model, data, method, params, options, budget, seed, registry, session
    )
    known = None if knowledge is None else str(knowledge)
    request = request.model_copy(update={"knowledge": known})
    return work(request, session, dataset=dataset, out=_path(out)).explanation


def rerun(
    folder: str | Path,
    *,
    model: object = None,
    out: str | Path | None = None,
    registry: Registry | None = None,
    session: Session | None = None,
) -> Rerun:
    """Repeat what a folder holds, and say whether it comes out the same.

    `folder`: what explain, survey or compare saved. `model` stands for the model where the folder
    names one that was live in a program. Raises InputError where it is another model.
    """
    from interp.difference.rerun import rerun as work

    _check_free(out)
    session = session or Session(registry or Registry.load())
    if model is not None:
        session = replace(session, model=str(model) if isinstance(model, Path) else model)
    return work(Path(folder), session, out=_path(out))


def _surroundings(
    session: Session | None,
    registry: Registry | None,
    model: object,
    options: ModelOptions | None,
) -> tuple[Session, ModelAdapter]:
    """The session that holds the opened model, and the model."""
    session = session or Session(registry or Registry.load())
    opened = open_model(model, options=options, registry=session.registry)
    return replace(session, model=opened), opened


def _with_data(
    model: object,
    data: str | Path | Dataset,
    method: str,
    params: Params | None,
    options: ModelOptions | None,
    budget: Budget | None,
    seed: int,
    registry: Registry | None,
    session: Session | None,
) -> tuple[Session, Request, Dataset]:
    """Session, request and opened images of what goes over a data set."""
    session, opened = _surroundings(session, registry, model, options)
    request = Request(
        method=method,
        model=opened.spec.source,
        options=options or ModelOptions(),
        images=(),
        params=dict(params or {}),
        data="given" if isinstance(data, Dataset) else str(data),
        seed=seed,
        budget=budget or Budget(),
    )
    return session, request, data if isinstance(data, Dataset) else open_dataset(data)


def _check_free(out: str | Path | None) -> None:
    """Refuse a folder that holds something, before anything is opened."""
    if out is not None:
        check_new_folder(Path(out))


def _path(out: str | Path | None) -> Path | None:
    return None if out is None else Path(out)


def _choices(named: Methods) -> tuple[Choice, ...]:
    chosen = named if isinstance(named, Mapping) else {name: {} for name in named}
    return tuple(Choice(name=name, params=dict(each)) for name, each in chosen.items())


def _targets(target: Targets) -> tuple[str, ...]:
    if target is None:
        return ()
    listed = [target] if isinstance(target, str | int) else target
    return tuple(str(each) for each in listed)


def _images(image: object, registry: Registry) -> tuple[tuple[str, ...], list[np.ndarray]]:
    """Names and arrays of one image or a list of them."""
    given = list(image) if isinstance(image, list | tuple) else [image]
    return (
        tuple(_name(each, at) for at, each in enumerate(given)),
        [_array(each, registry) for each in given],
    )


def _name(image: object, at: int) -> str:
    return str(image) if isinstance(image, str | Path) else f"image {at}"


def _array(image: Any, registry: Registry) -> np.ndarray:
    from interp.opening.images import open_images

    if isinstance(image, str | Path):
        return open_images(registry, [str(image)], None)[0].image
    if isinstance(image, np.ndarray):
        return check_array(image)
    if hasattr(image, "convert"):  # a PIL image
        return np.array(image.convert("RGB"))
    raise InputError(
        f"found an image of {type(image).__name__}; expected a file, a sample's name, a PIL image "
        "or a uint8 RGB array (H, W, 3)"
    )
