"""Where registered things come from: the package behind each, its version, its registry file."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import packages_distributions

from interp.errors import InputError
from interp.evidence import Evidence
from interp.explanation import Origin
from interp.registry.manifest import CompositionEntry, RendererEntry
from interp.registry.registry import Registry, builtin
from interp.spec import ModelSpec
from interp.version import installed_version, own_version

OWN = "interp"


def origins(
    registry: Registry, method: str, evidence: Iterable[Evidence], model: ModelSpec
) -> tuple[Origin, ...]:
    """The origins of a method with its parts, the renderers of its evidence, and its model.

    The model, its adapter and its readout have one where they are registered by name.
    """
    kinds = {each.kind for each in evidence}
    drawn = {e.evidence: e for e in registry.entries("renderer") if isinstance(e, RendererEntry)}
    named = [
        *named_parts(registry, method),
        *(("renderer", drawn[kind].name) for kind in sorted(kinds & drawn.keys())),
        ("model", model.source),
        ("readout", model.readout),
    ]
    return origins_of(registry, named)


def origins_of(registry: Registry, named: Iterable[tuple[str, str]]) -> tuple[Origin, ...]:
    """The origins of what is registered among these kinds and names."""
    return tuple(origin(registry, *each) for each in named if _is_known(registry, *each))


def named_parts(registry: Registry, method: str) -> Iterator[tuple[str, str]]:
    """A method by kind and name, and what it is composed of, if it is."""
    yield "method", method
    for each in registry.entries("method"):
        if each.name == method and isinstance(each, CompositionEntry):
            yield from each.compose.parts.items()


def origin(registry: Registry, kind: str, name: str) -> Origin:
    """Where a registered name comes from. Raises RegistryError for another one."""
    entry = registry.entry(kind, name)
    manifest = next(
        each
        for each in registry.manifests
        if any((own.kind, own.name) == (kind, name) for own in each.entries)
    )
    if manifest.path == builtin():
        return Origin(kind, name, OWN, own_version())
    top = entry.package.partition(".")[0]
    distribution = next(iter(_distributions().get(top, [])), None)
    known = installed_version(distribution) if distribution else _told_version(top)
    file = str(manifest.path.absolute()) if manifest.path.absolute() in registry.extra else None
    return Origin(kind, name, distribution or top, known, file)


def other_versions(folder: object, used: Iterable[Origin], registry: Registry) -> tuple[str, ...]:
    """Notes on packages that made a result in another version than is here.

    Raises InputError, which says what to install or to add, where one is not registered.
    """
    notes = []
    for each in used:
        if not _is_known(registry, each.kind, each.name):
            raise InputError(f"{folder} needs the {_missing(each, registry)}")
        now = origin(registry, each.kind, each.name)
        if (now.package, now.version) != (each.package, each.version):
            here = f"{each.kind} {each.name} is of {_package(now)} here"
            notes.append(f"{here}; {folder} was made with {_package(each)}")
    return tuple(notes)


def _missing(lost: Origin, registry: Registry) -> str:
    what = f"{lost.kind} {lost.name!r} of {_package(lost)}, which is not registered here; "
    broken = {each.package: each.reason for each in registry.broken}
    if lost.package in broken:
        return f"{what}that package is broken: {broken[lost.package]}"
    if lost.registry is None:
        return f"{what}install it: pip install {lost.package}"
    return (
        f"{what}add its registry file with --registry {lost.registry}, from Python with "
        f"registry=Registry.load({lost.registry!r})"
    )


def _package(found: Origin) -> str:
    return f"{found.package} {found.version or '(no version)'}"


@cache
def _distributions() -> dict[str, list[str]]:
    """The installed distributions by the packages that they bring."""
    return dict(packages_distributions())


def _told_version(package: str) -> str | None:
    """The version that a package says it has, if it is imported and says one."""
    told = getattr(sys.modules.get(package), "__version__", None)
    return None if told is None else str(told)


def _is_known(registry: Registry, kind: str, name: str) -> bool:
    return any(each.name == name for each in registry.entries(kind))
