"""The Python front: a model and an image, given as they are at hand.

Importing this module also gives explanations and comparisons their display in notebooks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import index
from pathlib import Path
from typing import Any, SupportsIndex

from interp import run as runs
from interp.comparison.result import Comparison, ComparisonRequest
from interp.context import Budget
from interp.dataset import Dataset
from interp.difference.rerun import Rerun
from interp.difference.rerun import rerun as rerun_folder
from interp.errors import InputError
from interp.evaluation.evaluate import evaluate as evaluate_methods
from interp.evaluation.request import EvaluationRequest
from interp.evaluation.result import Evaluation
from interp.explanation import Explanation
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.opening.images import image_path
from interp.opening.source import open_model as open_source
from interp.registry import Registry
from interp.report.notebook import show_in_notebooks
from interp.report.page import compare_with_report
from interp.request import Choice, Request
from interp.session import Session
from interp.spec import ModelOptions
from interp.storage.folder import check_new_folder
from interp.storage.image import LoadedImage, read_image
from interp.storage.resumable import check_resumable
from interp.suggestion.suggest import Suggestion, SuggestionRequest
from interp.suggestion.suggest import suggest as suggest_methods
from interp.target import INDEX, index_text, name_text

Targets = str | SupportsIndex | Iterable[str | SupportsIndex] | None
Classes = str | Path | Sequence[object] | None
Params = Mapping[str, Any]
Methods = Sequence[str] | Mapping[str, Params]

DEFAULT_METHOD, BLACK_BOX_METHOD = "mint", "rise"
"""The method where none is named, and the one for models that only answer with scores."""

show_in_notebooks()


def open_model(
    model: object,
    *,
    classes: Classes = None,
    options: ModelOptions | None = None,
    registry: Registry | None = None,
) -> ModelAdapter:
    """Open a model once, for many calls.

        network = interp.open_model("torchvision:resnet18")

    `model`: a registered name, a file, `torchvision:NAME`, `package.module:factory`,
    `callable:module:function`, an http address, a folder that `fit` wrote, an nn.Module, or a
    function from images to scores. `classes`: their names, or a file of them. `options` say what
    else a file does not: input size, normalisation, device. Raises ModelError for what no
    registered adapter opens.
    """
    source = str(model) if isinstance(model, Path) else model
    given = _options(options, classes, model)
    return open_source(source, given, registry or Registry.load())


def methods(registry: Registry | None = None) -> dict[str, str]:
    """List the registered methods: by name, what each one shows, in a line."""
    return {each.name: each.summary for each in (registry or Registry.load()).entries("method")}


def explain(
    model: object,
    image: object,
    *,
    method: str | None = None,
    target: Targets = None,
    params: Params | None = None,
    knowledge: str | Path | None = None,
    classes: Classes = None,
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

    `model` and `classes`: what open_model takes, or what it returned. `image`: a file
    (`scan.tif#2` is its second page), a sample's name, a Pillow picture, or an array or tensor,
    grey or RGB, (H, W, 3) or (3, H, W), uint8, [0, 1] or 0..255; or a list of these. What is
    guessed about it is said in the notes. `method`: by default mint, or rise for a model that only
    answers with scores. `target`: a class by name, or by index where it is a number; "dog, not
    cat"; or a list; by default the class that the model predicts. `params`: the method's parameters
    that differ from their defaults. `knowledge`: the folder that `fit` wrote, for a
    method that learns first. `budget`: how much work it may do. `session` brings progress,
    cancellation and a cache that is shared with other calls; `registry` is short for a session with
    that registry. Raises the errors of interp.errors, before any work where the call is wrong.
    """
    call = _call(model, classes, options, budget, seed, out, registry, session)
    names, arrays = _images(image, call.session.registry)
    request = Request(
        method=method or _default_method(call.session),
        images=names,
        targets=_targets(target, call.classes),
        params=dict(params or {}),
        knowledge=None if knowledge is None else str(knowledge),
        **call.fields,
    )
    return runs.run(request, call.session, images=arrays, names=names, out=call.out).explanation


def compare(
    model: object,
    image: object,
    *,
    methods: Methods,
    target: Targets = None,
    classes: Classes = None,
    options: ModelOptions | None = None,
    budget: Budget | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    registry: Registry | None = None,
    session: Session | None = None,
) -> Comparison:
    """Explain an image by several methods; with `out`, into a folder with an HTML report.

        both = interp.compare(network, "photo.jpg", methods=["mint", "gradcam"])

    `methods`: names, or names with parameters as {"mint": {"regions": 2}, "gradcam": {}}. A method
    that fails says so in its own place, and the others go on. With `out`, the same call goes on
    where it was stopped. The rest is as for explain.
    """
    call = _call(model, classes, options, budget, seed, out, registry, session, resumes=True)
    names, arrays = _images(image, call.session.registry)
    request = ComparisonRequest(
        methods=_choices(methods),
        images=names,
        targets=_targets(target, call.classes),
        **call.fields,
    )
    return compare_with_report(request, call.session, images=arrays, names=names, out=call.out)


def evaluate(
    model: object,
    data: str | Path | Dataset,
    *,
    methods: Methods,
    metrics: Methods = (),
    limit: int | None = None,
    classes: Classes = None,
    options: ModelOptions | None = None,
    budget: Budget | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    registry: Registry | None = None,
    session: Session | None = None,
) -> Evaluation:
    """Measure methods by metrics over a data set; with `out`, save tables and a plot there.

        found = interp.evaluate("creatures-vgg", "creatures", methods=["mint", "gradcam"], limit=50)

    `data`: a folder of images, a registered data set's name or a Dataset. `metrics`: names, or
    names with parameters; by default all that are registered. `limit`: the number of images, a
    fixed choice among all. The rest is as for explain.
    """
    call = _call(model, classes, options, budget, seed, out, registry, session)
    name, dataset = _data(data)
    request = EvaluationRequest(
        methods=_choices(methods),
        metrics=_choices(metrics),
        data=name,
        limit=limit,
        **call.fields,
    )
    return evaluate_methods(request, call.session, dataset=dataset, out=call.out)


def fit(
    model: object,
    data: str | Path | Dataset,
    *,
    method: str,
    params: Params | None = None,
    classes: Classes = None,
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

    `data`: a folder of images, a registered data set's name or a Dataset. With `out`, the same call
    goes on where it was stopped. The rest is as for explain.
    """
    call = _call(model, classes, options, budget, seed, out, registry, session)
    name, dataset = _data(data)
    request = Request(method=method, images=(), params=dict(params or {}), data=name, **call.fields)
    return runs.fit(request, call.session, dataset=dataset, out=call.out)


def survey(
    model: object,
    data: str | Path | Dataset,
    *,
    method: str,
    params: Params | None = None,
    knowledge: str | Path | None = None,
    classes: Classes = None,
    options: ModelOptions | None = None,
    budget: Budget | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    registry: Registry | None = None,
    session: Session | None = None,
) -> Explanation:
    """Explain a model's classes by one method, with examples from a data set.

    `data`: a folder of images, a registered data set's name or a Dataset. The rest is as for
    explain.
    """
    call = _call(model, classes, options, budget, seed, out, registry, session)
    name, dataset = _data(data)
    request = Request(
        method=method,
        images=(),
        params=dict(params or {}),
        data=name,
        knowledge=None if knowledge is None else str(knowledge),
        **call.fields,
    )
    return runs.survey(request, call.session, dataset=dataset, out=call.out).explanation


def suggest(
    model: object,
    image: object,
    *,
    question: str = "where",
    seconds: float = 60,
    target: Targets = None,
    evaluations: Sequence[str | Path] = (),
    classes: Classes = None,
    options: ModelOptions | None = None,
    budget: Budget | None = None,
    seed: int = 0,
    registry: Registry | None = None,
    session: Session | None = None,
) -> Suggestion:
    """Try the methods that answer a question on an image, and recommend three.

        found = interp.suggest(network, "photo.jpg", seconds=20)
        interp.compare(network, "photo.jpg", methods=list(found.chosen))

    `question`: where, which channels, which parts, or another answer that methods give.
    `seconds`: the longest time that a method may take for the image. `evaluations`: folders that
    evaluate wrote, to go by beside what is shipped. The rest is as for explain.
    """
    call = _call(model, classes, options, budget, seed, None, registry, session)
    names, arrays = _images(image, call.session.registry)
    if len(arrays) != 1:
        raise InputError(f"found {len(arrays)} images; expected one, on which methods are tried")
    request = SuggestionRequest(
        image=names[0],
        targets=_targets(target, call.classes),
        question=question,
        seconds=seconds,
        evaluations=tuple(map(str, evaluations)),
        **call.fields,
    )
    return suggest_methods(request, call.session, image=arrays[0])


def rerun(
    folder: str | Path,
    *,
    model: object = None,
    out: str | Path | None = None,
    registry: Registry | None = None,
    session: Session | None = None,
) -> Rerun:
    """Repeat what a folder holds, and say whether it comes out the same.

        assert interp.rerun("first", model=network).same

    `folder`: what explain, survey or compare saved. `model` takes the place of the model that the
    folder names, for one that was a live object of a program. Raises InputError where it is another
    model.
    """
    place = _check_out(out)
    session = session or Session(registry or Registry.load())
    if model is not None:
        session = replace(session, model=str(model) if isinstance(model, Path) else model)
    return rerun_folder(Path(folder), session, out=place)


@dataclass(frozen=True)
class _Call:
    """What all functions share: a session with the opened model, and the request's own fields."""

    session: Session
    fields: dict[str, Any]
    out: Path | None

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of the model's classes; None where each image has its own."""
        model = self.session.model
        assert isinstance(model, ModelAdapter)  # noqa: S101 - _call opened it
        return None if model.focuses else model.spec.classes


def _call(
    model: object,
    classes: Classes,
    options: ModelOptions | None,
    budget: Budget | None,
    seed: int,
    out: str | Path | None,
    registry: Registry | None,
    session: Session | None,
    resumes: bool = False,
) -> _Call:
    """Check `out` before any work, then open the model."""
    place = _check_out(out, resumes)
    session = session or Session(registry or Registry.load())
    given = _options(options, classes, model)
    opened = open_model(model, options=given, registry=session.registry)
    fields = {
        "model": opened.spec.source,
        "options": given,
        "seed": seed,
        "budget": budget or Budget(),
    }
    return _Call(replace(session, model=opened), fields, place)


def _default_method(session: Session) -> str:
    """The method for the session's model where none is named: it needs what the model offers."""
    needs = session.registry.get("method", DEFAULT_METHOD).needs
    offered = session.model.capabilities if isinstance(session.model, ModelAdapter) else needs
    return DEFAULT_METHOD if needs <= offered else BLACK_BOX_METHOD


def _options(options: ModelOptions | None, classes: Classes, model: object) -> ModelOptions:
    """The options with these class names; InputError where the model is open and has its own."""
    given = options or ModelOptions()
    if classes is None:
        return given
    if isinstance(model, ModelAdapter):
        raise InputError(
            f"found classes for {model.spec.name}, which is open already; give them to open_model"
        )
    listed = str(classes) if isinstance(classes, str | Path) else tuple(map(str, classes))
    return given.model_copy(update={"classes": listed})


def _check_out(out: str | Path | None, resumes: bool = False) -> Path | None:
    """The folder, which must be new or, where the work resumes, one that the same work began."""
    if out is None:
        return None
    (check_resumable if resumes else check_new_folder)(Path(out))
    return Path(out)


def _choices(named: Methods) -> tuple[Choice, ...]:
    chosen = named if isinstance(named, Mapping) else {name: {} for name in named}
    return tuple(Choice(name=name, params=dict(each)) for name, each in chosen.items())


def _targets(target: Targets, classes: Sequence[str] | None) -> tuple[str, ...]:
    """Targets as a request names them: a text is a name first, a number is an index."""
    if target is None:
        return ()
    if isinstance(target, str):
        return (target if classes is None else name_text(target, classes),)
    if isinstance(target, SupportsIndex) and getattr(target, "ndim", 0) == 0:
        at = _index(target)
        return (f"{INDEX}{at}" if classes is None else index_text(at, classes),)
    if isinstance(target, Iterable) and not isinstance(target, bytes | bytearray):
        return tuple(text for each in target for text in _targets(each, classes))
    raise _no_target(target)


def _index(target: SupportsIndex) -> int:
    """A whole number, also NumPy's or a tensor of one; InputError for a truth value or fraction."""
    truth = isinstance(target, bool) or str(getattr(target, "dtype", "")).endswith("bool")
    try:
        if not truth:
            return index(target)
    except TypeError as error:  # a tensor of a fraction
        raise _no_target(target) from error
    raise _no_target(target)


def _no_target(target: object) -> InputError:
    kind = str(getattr(target, "dtype", type(target).__name__))
    return InputError(f"found a target of {kind}; expected a class's name or index")


def _data(data: str | Path | Dataset) -> tuple[str, Dataset | None]:
    """The data's name in a request, and the data set itself where it is one."""
    return (f"<{type(data).__name__}>", data) if isinstance(data, Dataset) else (str(data), None)


def _images(image: object, registry: Registry) -> tuple[tuple[str, ...], list[LoadedImage]]:
    """Names and pixels of one image or a list of them, with notes on how each was read."""
    given = list(image) if isinstance(image, list | tuple) else [image]
    names = (str(e) if isinstance(e, str | Path) else f"image {at}" for at, e in enumerate(given))
    return tuple(names), [
        read_image(image_path(registry, str(each)) if isinstance(each, str | Path) else each)
        for each in given
    ]
