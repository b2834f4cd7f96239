"""The Python front: a model and an image, given as they are at hand.

Importing this module also gives explanations and comparisons their display in notebooks.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from interp import run as runs
from interp.call import (
    Classes,
    Limit,
    Methods,
    OneMethod,
    Options,
    Params,
    Targets,
    Work,
    check_out,
    choices,
    data_of,
    images_of,
    opened_model,
    options_of,
    targets_of,
)
from interp.comparison.compare import compare as compare_request
from interp.comparison.models import ModelComparison, check_targets
from interp.comparison.result import Comparison, ComparisonRequest
from interp.context import Budget as Budget
from interp.context import Progress
from interp.dataset import Dataset
from interp.difference.kind import FOLDER_RUN, MODELS, result_kind
from interp.difference.rerun import Rerun
from interp.difference.rerun import rerun as rerun_folder
from interp.errors import InputError
from interp.evaluation.folder import check_evaluation_folder, open_evaluation
from interp.evaluation.request import EvaluationRequest
from interp.evaluation.result import Evaluation
from interp.explanation import Explanation
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.progress_bar import shown_progress
from interp.registry import Registry
from interp.report.evaluation_page import evaluate_with_report
from interp.report.models_page import compare_models_with_report
from interp.report.notebook import show_in_notebooks
from interp.report.page import compare_with_report
from interp.request import Request
from interp.run_folder import FolderRun
from interp.run_folder.opening import open_result
from interp.session import Session
from interp.short import short
from interp.spec import ModelOptions as ModelOptions
from interp.storage.resumable import check_resumable
from interp.suggestion.suggest import Suggestion, SuggestionRequest
from interp.suggestion.suggest import suggest as suggest_methods

show_in_notebooks()


def open_model(
    model: object,
    *,
    classes: Classes = None,
    options: Options = None,
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
    return opened_model(model, options_of(options, classes, model), registry or Registry.load())


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
    options: Options = None,
    budget: Limit = None,
    seed: int = 0,
    out: str | Path | None = None,
    progress: bool | Progress = False,
    registry: Registry | None = None,
    session: Session | None = None,
    **keywords: Any,
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
    that differ from their defaults; they may be keywords of the call, too, as `samples=2000`.
    `knowledge`: the folder that `fit` wrote, for a method that learns first. `budget`: how much
    work it may do: a Budget, a number of samples, or a time such as "30s"; its fields may be
    keywords, too. `progress`: True for a bar, or a function called with label, done and total.
    `session` brings progress, cancellation and a cache that is shared with other calls; `registry`
    is short for a session with that registry. Raises the errors of interp.errors, before any work
    where the call is wrong.
    """
    work = Work(classes, options, budget, seed, out, progress, registry, session)
    one = OneMethod(method, params, keywords, explain.__kwdefaults__ or ())
    with work.on(model, one) as call:
        names, arrays = images_of(image, call.session.registry)
        request = Request(
            images=names,
            targets=targets_of(target, call.classes),
            knowledge=None if knowledge is None else str(knowledge),
            **call.choice,
            **call.fields,
        )
        made = runs.run(request, call.session, images=arrays, names=names, out=call.out)
        return made.explanation


def compare(
    model: object,
    image: object,
    *,
    methods: Methods,
    target: Targets = None,
    classes: Classes = None,
    options: Options = None,
    budget: Limit = None,
    seed: int = 0,
    out: str | Path | None = None,
    progress: bool | Progress = False,
    registry: Registry | None = None,
    session: Session | None = None,
) -> Comparison:
    """Explain an image by several methods; with `out`, into a folder with an HTML report.

        both = interp.compare(network, "photo.jpg", methods=["mint", "gradcam"])

    `methods`: names, or names with parameters as {"mint": {"regions": 2}, "gradcam": {}}. A method
    that fails says so in its own place, and the others go on. With `out`, the same call goes on
    where it was stopped. The rest is as for explain.
    """
    work = Work(classes, options, budget, seed, out, progress, registry, session)
    with work.on(model, check=check_resumable) as call:
        names, arrays = images_of(image, call.session.registry)
        request = ComparisonRequest(
            methods=choices(methods),
            images=names,
            targets=targets_of(target, call.classes),
            **call.fields,
        )
        return compare_with_report(request, call.session, images=arrays, names=names, out=call.out)


def compare_models(
    models: Sequence[object],
    image: object,
    *,
    methods: Methods,
    target: Targets = None,
    classes: Classes = None,
    options: Options = None,
    budget: Limit = None,
    seed: int = 0,
    out: str | Path | None = None,
    progress: bool | Progress = False,
    registry: Registry | None = None,
) -> ModelComparison:
    """Explain an image by the same methods on several models: a network and its export or twin.

        both = interp.compare_models([network, "net.onnx"], "photo.jpg", methods=["mint", "rise"])
        both.agreement("mint", "tiger cat")  # rank correlation of the two maps, (2, 2)

    All models explain one class: `target`, or the first model's best. With `out`, into a folder
    with a comparison for each model and an HTML report. The rest is as for compare.
    """
    if isinstance(models, str) or not isinstance(models, Sequence) or len(models) < 2:
        found = f"a list of {len(models)}" if isinstance(models, list | tuple) else short(models)
        raise InputError(
            f"found {found}; expected a list of two or more models, as [first, second]"
        )
    registry = registry or Registry.load()
    work = Work(classes, options, budget, seed, None, progress, registry)
    with ExitStack() as opened:
        calls = [opened.enter_context(work.on(each)) for each in models]
        names, arrays = images_of(image, registry)
        request = ComparisonRequest(
            methods=choices(methods),
            images=names,
            targets=targets_of(target, calls[0].classes),
            **calls[0].fields,
        )
        check_targets(request.targets, [each.model for each in calls])

        def compare_in(at: int, asked: ComparisonRequest, place: Path | None) -> Comparison:
            asked = asked.model_copy(update=calls[at].fields)
            return compare_request(asked, calls[at].session, images=arrays, names=names, out=place)

        return compare_models_with_report(
            request,
            [each.fields["model"] for each in calls],
            compare_in,
            registry,
            check_out(out, check_resumable),
        )


def evaluate(
    model: object,
    data: str | Path | Dataset,
    *,
    methods: Methods,
    metrics: Methods = (),
    limit: int | None = None,
    classes: Classes = None,
    options: Options = None,
    budget: Limit = None,
    seed: int = 0,
    out: str | Path | None = None,
    progress: bool | Progress = False,
    registry: Registry | None = None,
    session: Session | None = None,
) -> Evaluation:
    """Measure methods by metrics over a data set; with `out`, save tables, a plot and a report.

        found = interp.evaluate("creatures-vgg", "creatures", methods=["mint", "gradcam"], limit=50)

    `data`: a folder of images or another path that a reader opens (docs/data.md), a registered data
    set's name, or a Dataset. `metrics`: names, or
    names with parameters; by default all that are registered. `limit`: the number of images, a
    fixed choice among all. The rest is as for explain.
    """
    work = Work(classes, options, budget, seed, out, progress, registry, session)
    with work.on(model, check=check_evaluation_folder) as call:
        name, dataset = data_of(data)
        request = EvaluationRequest(
            methods=choices(methods),
            metrics=choices(metrics),
            data=name,
            limit=limit,
            **call.fields,
        )
        return evaluate_with_report(request, call.session, dataset=dataset, out=call.out)


def fit(
    model: object,
    data: str | Path | Dataset,
    *,
    method: str,
    params: Params | None = None,
    classes: Classes = None,
    options: Options = None,
    budget: Limit = None,
    seed: int = 0,
    out: str | Path | None = None,
    progress: bool | Progress = False,
    registry: Registry | None = None,
    session: Session | None = None,
    **keywords: Any,
) -> Knowledge:
    """Let a method learn what it needs of a model from images; with `out`, save it there.

        interp.fit(network, "photos", method="chip", out="known")
        found = interp.explain(network, "photo.jpg", method="chip", knowledge="known")

    `data`: a folder of images or another path that a reader opens (docs/data.md), a registered data
    set's name, or a Dataset. With `out`, the same call
    goes on where it was stopped. The rest is as for explain.
    """
    work = Work(classes, options, budget, seed, out, progress, registry, session)
    with work.on(model, OneMethod(method, params, keywords, fit.__kwdefaults__ or ())) as call:
        name, dataset = data_of(data)
        request = Request(images=(), data=name, **call.choice, **call.fields)
        return runs.fit(request, call.session, dataset=dataset, out=call.out)


def survey(
    model: object,
    data: str | Path | Dataset,
    *,
    method: str,
    params: Params | None = None,
    knowledge: str | Path | None = None,
    classes: Classes = None,
    options: Options = None,
    budget: Limit = None,
    seed: int = 0,
    out: str | Path | None = None,
    progress: bool | Progress = False,
    registry: Registry | None = None,
    session: Session | None = None,
    **keywords: Any,
) -> Explanation:
    """Explain a model's classes by one method, with examples from a data set.

    `data`: a folder of images or another path that a reader opens (docs/data.md), a registered data
    set's name, or a Dataset. The rest is as for
    explain.
    """
    work = Work(classes, options, budget, seed, out, progress, registry, session)
    with work.on(model, OneMethod(method, params, keywords, survey.__kwdefaults__ or ())) as call:
        name, dataset = data_of(data)
        request = Request(
            images=(),
            data=name,
            knowledge=None if knowledge is None else str(knowledge),
            **call.choice,
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
    options: Options = None,
    budget: Limit = None,
    seed: int = 0,
    progress: bool | Progress = False,
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
    if isinstance(evaluations, str | Path):
        found = str(evaluations)
        raise InputError(f"found {found!r}; expected a list of evaluations, as [{found!r}]")
    work = Work(classes, options, budget, seed, None, progress, registry, session)
    with work.on(model) as call:
        names, arrays = images_of(image, call.session.registry)
        if len(arrays) != 1:
            raise InputError(f"found {len(arrays)} images; expected one, to try methods on")
        request = SuggestionRequest(
            image=names[0],
            targets=targets_of(target, call.classes),
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
    image: str | Path | Sequence[str | Path] = (),
    data: str | Path | None = None,
    out: str | Path | None = None,
    progress: bool | Progress = False,
    registry: Registry | None = None,
    session: Session | None = None,
) -> Rerun:
    """Repeat what a folder holds, and say whether it comes out the same.

        assert interp.rerun("first", model=network).same

    `folder`: what explain, survey, compare, compare_models or `interp run --data` saved. `model`
    takes the place of the model that the folder names, for one that was a live object of a program.
    `image`: where the file of a large image is now, or a list of these; `data`: where the images of
    a run on a folder are now. Raises InputError where it is another model or image.
    """
    place = check_out(out)
    session = session or Session(registry or Registry.load())
    if model is not None:
        session = replace(session, model=str(model) if isinstance(model, Path) else model)
    with shown_progress(progress) as shown:
        session = replace(session, progress=shown if progress else session.progress)
        files = [image] if isinstance(image, str | Path) else image
        path = None if data is None else str(data)
        images = list(map(str, files))
        return rerun_folder(folder, session, out=place, images=images, data=path)


def load(
    folder: str | Path,
) -> Explanation | Comparison | ModelComparison | Evaluation | Knowledge | FolderRun:
    """Open what explain, survey, compare, evaluate or fit saved, as what the call returned.

        found = interp.load("first")
        heat = found.map("tiger cat")

    Of what `interp run --data` wrote, the whole folder or one image's result in it, as in
    interp.load("explained/00017-cat"); likewise of compare_models. Raises InputError for another
    folder, and for one that was altered.
    """
    place = Path(folder)
    kind = result_kind(place)
    if kind == "comparison":
        return Comparison.open(place)
    if kind == "evaluation":
        return open_evaluation(place)
    if kind == "knowledge":
        return Knowledge.open(place)
    if kind == MODELS:
        return ModelComparison.open(place)
    registry = Registry.load()
    if kind == FOLDER_RUN:
        return FolderRun.open(place, registry)
    return open_result(place, registry)[1]
