"""Opens a model from whatever a user names it by, with the adapter that fits."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from interp.errors import ModelError, PluginError, blamed, nearest
from interp.model import ModelAdapter
from interp.network.plain_tensors import plain_tensors
from interp.opening.pattern import FOLDER, fits
from interp.registry import Registry
from interp.registry.manifest import AdapterEntry
from interp.spec import ModelOptions, ModelSource

CALLABLE = "collections.abc.Callable"
"""Stands in an adapter's objects for whatever can be called and is of no class named there."""


@plain_tensors()
def open_model(
    source: object, options: ModelOptions, registry: Registry, name: str | None = None
) -> ModelAdapter:
    """Open a registered model, a file, a factory, a folder or a framework's own object.

    A model that is open already is returned as it is. `name` replaces the name and source that the
    adapter gives it. Raises ModelError where no registered adapter opens `source`, PluginError
    where the adapter fails.
    """
    if isinstance(source, ModelAdapter):
        return source
    if isinstance(source, str) and source in {each.name for each in registry.entries("model")}:
        registered: ModelSource = registry.get("model", source)
        merged = merge(registered.options, options)
        return open_model(registered.source, merged, registry, name or source)
    entry = adapter_of(source, registry)
    with blamed(f"adapter {entry.name}"):
        model = registry.get("adapter", entry.name)(source, options, registry.get)
    if not isinstance(model, ModelAdapter):
        raise PluginError(
            f"adapter {entry.name} returned {type(model).__name__}; expected an "
            "interp.model.ModelAdapter"
        )
    if name is not None:
        model.spec = model.spec.model_copy(update={"name": name, "source": name})
    return model


def merge(registered: ModelOptions, given: ModelOptions) -> ModelOptions:
    """The registered options, overridden field by field by those that the user gives.

    Parameters of the registered readout are kept unless another readout is named.
    """
    changes = given.model_dump(exclude_defaults=True)
    changes["input"] = {**registered.input, **given.input}
    same = given.readout in (None, registered.readout)
    kept = registered.readout_params if same else None
    changes["readout_params"] = {**(kept or {}), **(given.readout_params or {})} or None
    return registered.model_copy(update=changes)


def file_forms(registry: Registry) -> tuple[str, ...]:
    """The patterns of model files and folders that registered adapters open."""
    adapters = [each for each in registry.entries("adapter") if isinstance(each, AdapterEntry)]
    forms = (form for each in adapters for form in each.sources)
    return tuple(form for form in forms if form.startswith(("*.", FOLDER)))


def is_model_file(path: Path, forms: Iterable[str]) -> bool:
    """Whether a file or folder fits one of these patterns of model files."""
    return any(
        fits(str(path), form) and (form.startswith(FOLDER) or path.is_file()) for form in forms
    )


def adapter_of(source: object, registry: Registry) -> AdapterEntry:
    """The adapter that opens a source. Raises ModelError where none does."""
    adapters = [e for e in registry.entries("adapter") if isinstance(e, AdapterEntry)]
    if isinstance(source, str):
        return _by_pattern(source, adapters, [each.name for each in registry.entries("model")])
    return _by_class(source, adapters)


def _by_pattern(source: str, adapters: list[AdapterEntry], models: list[str]) -> AdapterEntry:
    """The adapter with the longest pattern, asterisks not counted, that matches the source."""
    found = [
        (len(pattern.replace("*", "")), pattern, each)
        for each in adapters
        for pattern in each.sources
        if fits(source, pattern)
    ]
    if not found:
        forms = [pattern for each in adapters for pattern in each.sources]
        raise ModelError(_unknown(source, models, forms))
    _, pattern, adapter = max(found, key=lambda fit: fit[0])
    if pattern.startswith("*.") and not Path(source).is_file():
        raise ModelError(f"{source}: no such model file; check the path")
    return adapter


def _unknown(source: str, models: list[str], forms: list[str]) -> str:
    suffix = Path(source).suffix
    if suffix:
        return (
            f"{source}: no registered adapter opens {suffix!r} files; "
            f"known forms: {', '.join(forms) or 'none'}"
        )
    where = f"; other forms: {', '.join(forms)}" if forms else ""
    return f"unknown model {source!r}; {nearest(source, models)}{where}"


def _by_class(source: object, adapters: list[AdapterEntry]) -> AdapterEntry:
    """The adapter that opens the object's class or the nearest of its base classes."""
    lineage = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(source).__mro__]
    for name in [*lineage, *([CALLABLE] if callable(source) else [])]:
        for each in adapters:
            if name in each.objects:
                return each
    known = [name for each in adapters for name in each.objects]
    raise ModelError(
        f"found a model of type {lineage[0]}, which no registered adapter opens; "
        f"expected {', '.join(known) or 'the name of one'}"
    )
