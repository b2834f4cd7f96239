"""Evaluating methods by metrics over a data set, image by image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from interp.cluster.pool import Lost
from interp.dataset import Dataset, for_channels
from interp.errors import Cancelled, InputError, InterpError, PluginError, UnsupportedError
from interp.evaluation.data import ChosenImages
from interp.evaluation.evaluation_run import EvaluationRun
from interp.evaluation.folder import (
    check_evaluation_folder,
    is_evaluation,
    read_finished,
    read_records,
    remove_finished,
    save_evaluation,
    save_record,
    unfinished,
)
from interp.evaluation.request import EvaluationRecord, EvaluationRequest
from interp.evaluation.result import Evaluation
from interp.knowledge import Knowledge
from interp.method import Method
from interp.metric import ExplanationMetric
from interp.model import ModelAdapter
from interp.network.plain_tensors import plain_tensors
from interp.opening.images import open_data
from interp.opening.named import (
    Named,
    is_explanation_metric,
    open_method,
    open_metric,
    require,
)
from interp.registry import Registry
from interp.registry.hook import call_after, call_before
from interp.request import Choice
from interp.session import Session
from interp.storage.resumable import ResumableFolder, other_content

COUNT = 50
"""Images of a registered data set where no limit is given."""


TRUTHS = {
    "label": "the images' classes",
    "box": "boxes of objects of the model's classes",
    "mask": "masks of objects of the model's classes",
    "parts": "masks of parts of objects of the model's classes",
}
"""What a metric may need to know of an image, in words."""


def no_message(line: str) -> None:
    """No-op message callback."""


@plain_tensors(recorded=True)
def evaluate(
    request: EvaluationRequest,
    session: Session | None = None,
    *,
    dataset: Dataset | None = None,
    out: str | Path | None = None,
    on_message: Callable[[str], None] = no_message,
    report: Callable[[Evaluation], str] | None = None,
) -> Evaluation:
    """Measure methods by metrics over images; with `out`, save a folder there.

    `dataset` takes the place of the request's. Each image's values are saved beside `out` as they
    come, and the same request goes on from those; one that is whole there is opened. `report` makes
    the text of report.html. `on_message` is called with the estimated time once one image is done,
    and where there is nothing to do. A method that fails on an image is left out there, and the
    evaluation says so.
    """
    place = None if out is None else Path(out)
    if place is not None:
        remove_finished(place)
        check_evaluation_folder(place)
    session = (session or Session()).steady()
    evaluation = prepare(request, session, dataset)
    if place is not None and is_evaluation(place):
        found = read_finished(place, evaluation)
        on_message(f"{place} holds this evaluation already; nothing was measured")
        return found
    told = call_before(session.registry, "interp_before_evaluate", request=request)
    if place is None:
        return _told(session, _measure(evaluation, None, on_message).noted(told))
    with unfinished(place, evaluation) as folder:
        found = _told(session, _measure(evaluation, folder, on_message).noted(told))
        save_evaluation(found, place, report)
        folder.remove()
    return found.noted(session.saved(place, found))


def _told(session: Session, found: Evaluation) -> Evaluation:
    """The evaluation, with notes on packages that failed when they were told of it."""
    told = call_after(session.registry, "interp_after_evaluate", evaluation=found)
    return found.noted(told)


def _measure(
    evaluation: EvaluationRun, folder: ResumableFolder | None, on_message: Callable[[str], None]
) -> Evaluation:
    """Measure the images that `folder`, if there is one, does not keep yet."""
    records = {} if folder is None else read_records(folder)
    positions, pool = evaluation.positions, evaluation.session.pool
    left = [each for each in positions if each not in records]
    content, session = evaluation.content, evaluation.session
    reopen = partial(_reopened, evaluation.request, content, session.reopen())
    try:
        found = pool.map(lambda each: evaluation.record(each, len(records)), left, reopen)
        for number, (position, record) in enumerate(found):
            if isinstance(record, Lost):
                record = EvaluationRecord.left_out(position, record.reason)
            records[position] = record
            count = len(evaluation.methods)
            session.progress("methods on images", len(records) * count, len(positions) * count)
            if folder is not None:
                save_record(folder, record)
            if number == 0 and len(left) > 1 and record.explaining:
                on_message(evaluation.time_estimate(record, left[1:], pool.workers or 1))
    except (Cancelled, KeyboardInterrupt) as error:
        if folder is None or not records:
            raise
        raise type(error)(
            f"stopped; {len(records)} images are kept in {folder.folder}, and the same command "
            "goes on"
        ) from error
    result = evaluation.result([records[each] for each in positions])
    try:
        _check_measured(result)
    except InterpError:
        if folder is not None:
            folder.remove()  # it keeps failures only, which the same command should try again
        raise
    return result


def _reopened(
    request: EvaluationRequest, content: dict[str, str], session: Callable[[], Session]
) -> Callable[[int], EvaluationRecord]:
    """The same evaluation in another process. Raises InputError for other images or models."""
    evaluation = prepare(request, session())
    if evaluation.content != content:
        raise other_content()
    return evaluation.record


def _check_measured(found: Evaluation) -> None:
    """Raise InputError where no image could be read, PluginError where every method failed."""
    skipped = [each.skipped.get("images") for each in found.records]
    if found.records and all(skipped):
        raise InputError(f"found no image that can be measured; the first: {skipped[0]}")
    failures = [
        each.failures.get(name, {}).get("explain")
        for each in found.records
        for name in found.methods
    ]
    if failures and all(failures):
        raise PluginError(f"every method failed on every image; the first: {failures[0]}")


def prepare(
    request: EvaluationRequest, session: Session, dataset: Dataset | None = None
) -> EvaluationRun:
    """Everything that the request names, opened and checked before any work."""
    registry = session.registry
    names = [each.name for each in request.methods]
    if len(set(names)) < len(names):
        raise InputError(f"found a method twice in {', '.join(names)}; name each once")
    added = [Choice(name=each) for each in request.baselines if each not in names]
    choices = {each.name: each for each in [*request.methods, *added]}
    broken: dict[str, str] = {}
    methods = _opened(open_method, registry, choices.values(), broken)
    measures = request.metrics or all_metrics(registry)
    metrics = _opened(open_metric, registry, measures, broken)
    model = session.open_model(request.model, request.options)
    refused = broken | _refused({**methods, **metrics}, model)
    served = {name: each for name, each in choices.items() if name not in refused}
    for name, each in served.items():
        if each.knowledge is not None:
            Knowledge.open(Path(each.knowledge)).check(name, model)
    if not set(names) & set(served):
        raise UnsupportedError("no method is left: " + "; ".join(refused.values()))
    data = dataset or open_data(registry, request.data, request.limit or COUNT)
    data = for_channels(data, model.spec.input.channels)
    chosen = ChosenImages(data, request.limit, model.spec.classes)
    if request.target == "true":
        chosen.check()
    refused |= _without_truth(metrics, chosen, model)
    measured = {name: each for name, each in metrics.items() if name not in refused}
    if measures and not measured:
        told = "; ".join(refused[each.name] for each in measures)
        raise UnsupportedError(f"no metric is left: {told}")
    return EvaluationRun(request, session, model, chosen, served, measured, refused)


def all_metrics(registry: Registry, on_request: bool = False) -> list[Choice]:
    """Every registered metric of explanations; those measured `on_request` only if asked for."""
    names = [each.name for each in registry.entries("metric")]
    return [Choice(name=name) for name in names if _is_measured(registry, name, on_request)]


def _is_measured(registry: Registry, name: str, on_request: bool) -> bool:
    """Whether a metric is one of all; one whose package fails is, so that it is told why."""
    try:
        kind = registry.get("metric", name)
    except PluginError:
        return True
    return is_explanation_metric(kind) and (on_request or not kind.on_request)


def _opened(
    opener: Callable[[Registry, str, dict[str, Any]], Named],
    registry: Registry,
    choices: Iterable[Choice],
    broken: dict[str, str],
) -> dict[str, Named]:
    """What the choices name, by name; `broken` is told of those whose package fails, and why."""
    found = {}
    for each in choices:
        try:
            found[each.name] = opener(registry, each.name, each.params)
        except PluginError as error:
            broken[each.name] = str(error)
    return found


def _without_truth(
    metrics: Mapping[str, ExplanationMetric], images: ChosenImages, model: ModelAdapter
) -> dict[str, str]:
    """The metrics that need what the data do not give of any image, each with the reason.

    A model that is asked for a region, or for what it finds on each image, gives objects itself.
    """
    known = images.truths
    if known is None or model.focuses or (model.output is not None and model.output.regions):
        return {}
    return {
        name: f"{name} needs {TRUTHS[each.needs_truth]}, which the data do not give (docs/data.md)"
        for name, each in metrics.items()
        if each.needs_truth in TRUTHS and each.needs_truth not in known
    }


def _refused(
    named: Mapping[str, Method | ExplanationMetric], model: ModelAdapter
) -> dict[str, str]:
    """The methods and metrics that the model cannot serve, each with the reason."""
    found = {}
    for name, each in named.items():
        try:
            require(name, each, model)
        except UnsupportedError as error:
            found[name] = str(error)
    return found
