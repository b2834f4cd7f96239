"""From the names in a request to the things they name, each checked at this boundary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pydantic import ValidationError

from interp.dataset import Dataset, open_dataset
from interp.errors import InputError, nearest
from interp.knowledge import Knowledge
from interp.method import Method
from interp.metric import ExplanationMetric, ModelMetric
from interp.model import ModelAdapter
from interp.registry.manifest import MethodEntry
from interp.request import DEFAULT_MODEL, Request
from interp.storage.folder import read_json
from interp.storage.image import check_array, open_image

if TYPE_CHECKING:
    from interp.registry import Registry

Named = TypeVar("Named", Method, ExplanationMetric, ModelMetric)


def open_method(registry: Registry, name: str, params: dict[str, Any]) -> Method:
    """The registered method with its parameters checked; InputError names a wrong one."""
    return _made(registry.get("method", name), name, params)


def open_metric(registry: Registry, name: str, params: dict[str, Any]) -> ExplanationMetric:
    """The registered metric with its parameters checked; InputError if it measures no maps."""
    kind = registry.get("metric", name)
    if not (isinstance(kind, type) and issubclass(kind, ExplanationMetric)):
        raise InputError(
            f"{name} measures a model, not its explanations; ask interp measure {name}"
        )
    return _made(kind, name, params)


def open_measure(registry: Registry, name: str, params: dict[str, Any]) -> ModelMetric:
    """The registered measure of a model with its parameters checked; InputError for another."""
    kind = registry.get("metric", name)
    if not (isinstance(kind, type) and issubclass(kind, ModelMetric)):
        raise InputError(
            f"{name} measures explanations, not a model; ask interp evaluate --metrics {name}"
        )
    return _made(kind, name, params)


def _made(kind: type[Named], name: str, params: dict[str, Any]) -> Named:
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
            f"{name}: {key} = {first['input']!r}: {first['msg'].lower()}; see interp show {name}"
        ) from error


def default_model(registry: Registry, method: str) -> str:
    """The model that a method explains where none is named: its own, or the default one."""
    entry = registry.entry("method", method)
    own = entry.model if isinstance(entry, MethodEntry) else None
    return own or DEFAULT_MODEL


def require(name: str, method: Method | ExplanationMetric, model: ModelAdapter) -> None:
    """Raise UnsupportedError unless the model offers what the method or metric needs."""
    for need in sorted(method.needs - model.capabilities):
        raise model.lacks(need, name)


def open_images(
    registry: Registry, request: Request, images: Sequence[np.ndarray] | None = None
) -> tuple[tuple[str, ...], list[np.ndarray]]:
    """Names and (H, W, 3) uint8 arrays of the request's images, or of the ones given."""
    if images is not None:
        return tuple(f"image {index}" for index in range(len(images))), list(
            map(check_array, images)
        )
    return request.images, [open_image(image_path(registry, name)) for name in request.images]


def image_path(registry: Registry, name: str) -> Path:
    """A file, or the file of a registered sample."""
    samples = {entry.name for entry in registry.entries("sample")}
    known = name in samples and not Path(name).exists()
    return Path(registry.get("sample", name)) if known else Path(name)


def open_knowledge(request: Request, model: ModelAdapter) -> Knowledge | None:
    """The knowledge asked for; else what the method left beside a model that it trained."""
    beside = Path(model.spec.source) / "knowledge.json"
    folder = request.knowledge
    if folder is None and beside.is_file() and read_json(beside)["method"] == request.method:
        folder = str(beside.parent)
    if folder is None:
        return None
    knowledge = Knowledge.open(Path(folder))
    knowledge.check(request.method, model)
    return knowledge


def open_data(request: Request) -> Dataset:
    if request.data is None:
        raise InputError("fit needs data; name a folder of images with --data")
    return open_dataset(Path(request.data))
