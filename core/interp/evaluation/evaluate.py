"""Methods by metrics over a data set, image by image: what one image needs once is done once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from interp.context import Progress, silent
from interp.dataset import Dataset
from interp.errors import Cancelled, InputError, UnsupportedError
from interp.evaluation.bench import Bench
from interp.evaluation.data import Chosen, open_evaluated
from interp.evaluation.folder import Partial, save_evaluation
from interp.evaluation.request import EvaluationRequest, Record
from interp.evaluation.result import Evaluation
from interp.folder import check_writable
from interp.knowledge import Knowledge
from interp.method import ExplanationMetric
from interp.model import ModelAdapter
from interp.opening import open_method, open_metric, require
from interp.registry import Registry
from interp.request import Choice
from interp.source import open_model

Tell = Callable[[str], None]


def unheard(line: str) -> None:
    """The news of nobody listening."""


def evaluate(
    request: EvaluationRequest,
    *,
    registry: Registry | None = None,
    model: object = None,
    dataset: Dataset | None = None,
    out: Path | None = None,
    resume: bool = False,
    progress: Progress = silent,
    tell: Tell = unheard,
    cancelled: Callable[[], bool] = lambda: False,
) -> Evaluation:
    """Measure methods by metrics over images; with `out`, save a folder there.

    Each image's values are kept beside `out` as they come; with `resume`, those that are there
    are not measured again. `tell` is given the estimated time once one image is done. A method
    that fails on an image is left out there, and the evaluation says so.
    """
    if out is not None:
        check_writable(out)
    bench = prepare(request, registry or Registry.load(), model, dataset, cancelled)
    partial = None if out is None else Partial.beside(out)
    records = {} if partial is None else partial.begin(bench.about, resume)
    try:
        _measure(bench, records, partial, progress, tell)
    except (Cancelled, KeyboardInterrupt):
        if partial is not None:
            tell(f"{len(records)} images are kept in {partial.folder}; --resume goes on from there")
        raise
    found = bench.evaluation([records[each] for each in bench.positions])
    if out is not None and partial is not None:
        save_evaluation(found, out)
        partial.forget()
    return found


def prepare(
    request: EvaluationRequest,
    registry: Registry,
    model: object = None,
    dataset: Dataset | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Bench:
    """Everything the request names, opened and checked before any work."""
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
    adapter = open_model(request.model if model is None else model, request.options, registry)
    refused = _refused({**opened, **metrics}, adapter)
    for name, each in methods.items():
        if each.knowledge is not None and name not in refused:
            Knowledge.open(Path(each.knowledge)).check(name, adapter)
    if not set(names) - set(refused):
        raise UnsupportedError("no method is left: " + "; ".join(refused.values()))
    data = dataset or open_evaluated(request, registry)
    chosen = Chosen(data, request.limit, adapter.spec.classes)
    if request.target == "true":
        chosen.check()
    return Bench(request, registry, adapter, chosen, methods, metrics, refused, cancelled)


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
    bench: Bench,
    records: dict[int, Record],
    partial: Partial | None,
    progress: Progress,
    tell: Tell,
) -> None:
    """Fill in the records that are missing, one image after another."""
    left = [each for each in bench.positions if each not in records]
    total = len(bench.positions) * len(bench.methods)
    done = itertools.count(total - len(left) * len(bench.methods))
    for number, position in enumerate(left):
        record = bench.record(position, lambda: progress("methods on images", next(done), total))
        records[position] = record
        if partial is not None:
            partial.keep(record)
        if number == 0 and len(left) > 1:
            tell(bench.forecast(record, left[1:]))
    progress("methods on images", total, total)
