"""The methods, metrics and knowledge that a request names, opened and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from interp.errors import InputError, nearest
from interp.knowledge import Knowledge
from interp.method import Method, unoffered
from interp.metric import ExplanationMetric, ModelMetric
from interp.model import ModelAdapter
from interp.readout import Readout
from interp.record import shown
from interp.registry import Registry
from interp.registry.manifest import MethodEntry
from interp.request import DEFAULT_MODEL, Request
from interp.storage.folder import read_json

Named = TypeVar("Named", Method, ExplanationMetric, ModelMetric, Readout)


def open_method(registry: Registry, name: str, params: dict[str, Any]) -> Method:
    """The registered method with these parameters. Raises InputError for a wrong one."""
    return with_params(registry.get("method", name), name, params)


def open_metric(registry: Registry, name: str, params: dict[str, Any]) -> ExplanationMetric:
    """The registered metric of explanations with these parameters. Raises InputError otherwise."""
    kind = registry.get("metric", name)
    if not is_explanation_metric(kind):
        raise InputError(
            f"{name} measures a model, not its explanations; run interp measure {name}"
        )
    return with_params(kind, name, params)


def open_model_metric(registry: Registry, name: str, params: dict[str, Any]) -> ModelMetric:
    """The registered metric of a model with these parameters. Raises InputError otherwise."""
    kind = registry.get("metric", name)
    if is_explanation_metric(kind):
        raise InputError(
            f"{name} measures explanations, not a model; run interp evaluate --metrics {name}"
        )
    return with_params(kind, name, params)


def is_explanation_metric(kind: object) -> bool:
    """Whether a registered metric measures explanations, not a model."""
    return isinstance(kind, type) and issubclass(kind, ExplanationMetric)


def with_params(kind: type[Named], name: str, params: dict[str, Any]) -> Named:
    """The method, metric or readout with these parameters. Raises InputError for a wrong one."""
    known = kind.Params.model_fields
    for key in params:
        if key not in known:
            raise InputError(f"{name} has no parameter {key!r}; {nearest(key, known)}")
    try:
        return kind(kind.Params.model_validate(params))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "parameters"
        raise InputError(
            f"{name}: {key} = {shown(first['input'])}: {_reason(first)}; see interp show {name}"
        ) from error


def _reason(problem: ErrorDetails) -> str:
    """What is wrong with a parameter, in the words of its check."""
    return problem["msg"].removeprefix("Value error, ").lower()


def default_model(registry: Registry, method: str) -> str:
    """The model that a method explains where none is named: its own, or the default one."""
    entry = registry.entry("method", method)
    own = entry.model if isinstance(entry, MethodEntry) else None
    return own or DEFAULT_MODEL


def require(name: str, method: Method | ExplanationMetric, model: ModelAdapter) -> None:
    """Raise UnsupportedError unless the model offers what the method or metric needs."""
    for need in sorted(method.needs - model.capabilities):
        raise model.lacks(need, name)


def require_verb(name: str, method: Method, verb: str) -> None:
    """Raise UnsupportedError, in the registered name, unless the method implements `verb`."""
    if getattr(type(method), verb) is getattr(Method, verb):
        raise unoffered(name, verb)


def open_knowledge(request: Request, model: ModelAdapter) -> Knowledge | None:
    """The request's knowledge, else the one that its method saved with a model that it trained.

    Raises InputError for knowledge of another method or model; None where there is none.
    """
    beside = Path(model.spec.source) / "knowledge.json"
    folder = request.knowledge
    if folder is None and beside.is_file() and read_json(beside)["method"] == request.method:
        folder = str(beside.parent)
    if folder is None:
        return None
    knowledge = Knowledge.open(Path(folder))
    knowledge.check(request.method, model)
    return knowledge
