"""Methods by metrics over a data set, image by image: what one image needs once is done once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from interp.context import Progress
from interp.dataset import Dataset
from interp.errors import Cancelled, InputError, UnsupportedError
from interp.evaluation.data import ChosenImages, open_evaluated
from interp.evaluation.evaluation_run import EvaluationRun
from interp.evaluation.folder import Partial, save_evaluation
from interp.evaluation.request import EvaluationRecord, EvaluationRequest
from interp.evaluation.result import Evaluation
from interp.knowledge import Knowledge
from interp.metric import ExplanationMetric
from interp.model import ModelAdapter
from interp.opening.named import open_method, open_metric, require
from interp.registry import Registry
from interp.request import Choice
from interp.session import Session
from interp.storage.folder import check_new_folder

Tell = Callable[[str], None]


def no_message(line: str) -> None:
    """No-op message callback."""


def evaluate(
    request: EvaluationRequest,
    session: Session | None = None,
    *,
    dataset: Dataset | None = None,
    out: Path | None = None,
    tell: Tell = no_message,
) -> Evaluation:
    """Measure methods by metrics over images; with `out`, save a folder there.

    Each image's values are kept beside `out` as they come, and the same request goes on from
    those. `tell` is given the estimated time once one image is done. A method that fails on an
    image is left out there, and the evaluation says so.
    """
    if out is not None:
        check_new_folder(out)
    session = session or Session()
    evaluation = prepare(request, session, dataset)
    partial = None if out is None else Partial.beside(out, evaluation)
    records = {} if partial is None else partial.begin()
    try:
        _measure(evaluation, records, partial, session.progress, tell)
    except (Cancelled, KeyboardInterrupt):
        if partial is not None:
            tell(f"{len(records)} images are kept in {partial.path}; the same command goes on")
        raise
    found = evaluation.result([records[each] for each in evaluation.positions])
    if out is not None and partial is not None:
        save_evaluation(found, out)
        partial.forget()
    return found


def prepare(
    request: EvaluationRequest, session: Session, dataset: Dataset | None = None
) -> EvaluationRun:
    """Everything the request names, opened and checked before any work."""
    registry = session.registry
    names = [each.name for each in request.methods]
    if len(set(names)) < len(names):
        raise InputError(f"found a method twice in {', '.join(names)}; name each once")
    added = [Choice(name=each) for each in request.baselines if each not in names]
    methods = {each.name: each for each in [*request.methods, *added]}
    metrics = {
        each.name: open_metric(registry, each.name, each.params)
        for each in request.metrics or all_metrics(registry)
    }
    opened = {name: open_method(registry, name, each.params) for name, each in methods.items()}
    model = session.open_model(request.model, request.options)
    refused = _refused({**opened, **metrics}, model)
    for name, each in methods.items():
        if each.knowledge is not None and name not in refused:
            Knowledge.open(Path(each.knowledge)).check(name, model)
    if not set(names) - set(refused):
        raise UnsupportedError("no method is left: " + "; ".join(refused.values()))
    data = dataset or open_evaluated(request, registry)
    chosen = ChosenImages(data, request.limit, model.spec.classes)
    if request.target == "true":
        chosen.check()
    return EvaluationRun(request, session, model, chosen, methods, metrics, refused)


def all_metrics(registry: Registry) -> list[Choice]:
    """Every registered metric of explanations."""
    kinds = {each.name: registry.get("metric", each.name) for each in registry.entries("metric")}
    return [
        Choice(name=name)
        for name, kind in kinds.items()
        if isinstance(kind, type) and issubclass(kind, ExplanationMetric)
    ]


def _refused(named: Mapping[str, Any], model: ModelAdapter) -> dict[str, str]:
    """Methods and metrics that the model cannot serve, each with the reason."""
    found = {}
    for name, each in named.items():
        try:
            require(name, each, model)
        except UnsupportedError as error:
            found[name] = str(error)
    return found


def _measure(
    evaluation: EvaluationRun,
    records: dict[int, EvaluationRecord],
    partial: Partial | None,
    progress: Progress,
    tell: Tell,
) -> None:
    """Fill in the records that are missing, one image after another."""
    left = [each for each in evaluation.positions if each not in records]
    total = len(evaluation.positions) * len(evaluation.methods)
    done = itertools.count(total - len(left) * len(evaluation.methods))
    for number, position in enumerate(left):
        record = evaluation.record(
            position, lambda: progress("methods on images", next(done), total)
        )
        records[position] = record
        if partial is not None:
            partial.keep(record)
        if number == 0 and len(left) > 1:
            tell(evaluation.forecast(record, left[1:]))
    progress("methods on images", total, total)
