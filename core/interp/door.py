"""The front door from Python: a model and an image, given as they are at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.context import Budget
from interp.errors import InputError
from interp.image import check_array
from interp.registry import Registry
from interp.source import open_model
from interp.spec import ModelOptions

if TYPE_CHECKING:
    from interp.comparison.result import Comparison
    from interp.explanation import Explanation
    from interp.model import ModelAdapter
    from interp.repeat import Repeat

Targets = str | int | Sequence[str | int] | None
Params = Mapping[str, Any]


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
) -> Explanation:
    """Explain an image by one method; with `out`, also save a bundle.

    `model`: a registered name, a file, an nn.Module or a ModelAdapter. `image`: a file, a
    sample's name, a PIL image or a uint8 RGB array (H, W, 3); or a list of these. `target`: a
    class by name or index, "dog, not cat", or a list; by default the model's own answer.
    """
    from interp.request import Request
    from interp.run import explain as work
    from interp.run import finish

    registry = registry or Registry.load()
    opened = _model(model, options, registry)
    names, arrays = _images(image, registry)
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
    found = work(request, registry=registry, model=opened, images=arrays, names=names)
    if out is not None:
        finish(registry, request, found, out=Path(out))
    return found


def compare(
    model: object,
    image: object,
    *,
    methods: Sequence[str] | Mapping[str, Params],
    target: Targets = None,
    options: ModelOptions | None = None,
    budget: Budget | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    registry: Registry | None = None,
) -> Comparison:
    """Explain an image by several methods; with `out`, a folder with an HTML report.

    `methods`: names, or names with parameters as {"mint": {"regions": 2}, "gradcam": {}}. The
    rest is as for explain.
    """
    from interp.comparison.compare import compare as work
    from interp.comparison.result import ComparisonRequest
    from interp.request import Choice

    registry = registry or Registry.load()
    opened = _model(model, options, registry)
    names, arrays = _images(image, registry)
    chosen = methods if isinstance(methods, Mapping) else {name: {} for name in methods}
    request = ComparisonRequest(
        methods=tuple(Choice(name=name, params=dict(each)) for name, each in chosen.items()),
        model=opened.spec.source,
        options=options or ModelOptions(),
        images=names,
        targets=_targets(target),
        seed=seed,
        budget=budget or Budget(),
    )
    place = None if out is None else Path(out)
    return work(request, registry=registry, model=opened, images=arrays, names=names, out=place)


def rerun(
    folder: str | Path,
    *,
    model: object = None,
    out: str | Path | None = None,
    registry: Registry | None = None,
) -> Repeat:
    """Repeat what a folder holds and say whether it is the same; see interp.repeat.

    `model` stands for the model where the folder names one that was live in a program.
    """
    from interp.repeat import repeat

    place = None if out is None else Path(out)
    return repeat(Path(folder), registry=registry, model=model, out=place)


def _model(model: object, options: ModelOptions | None, registry: Registry) -> ModelAdapter:
    source = str(model) if isinstance(model, Path) else model
    return open_model(source, options or ModelOptions(), registry)


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
    from interp.gathering import gather

    if isinstance(image, str | Path):
        return gather(registry, [str(image)], None)[0].image
    if isinstance(image, np.ndarray):
        return check_array(image)
    if hasattr(image, "convert"):  # a PIL image
        return np.array(image.convert("RGB"))
    raise InputError(
        f"found an image of {type(image).__name__}; expected a file, a sample's name, a PIL image "
        "or a uint8 RGB array (H, W, 3)"
    )
