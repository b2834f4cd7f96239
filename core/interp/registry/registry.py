"""What exists: entries of all registry files, and the objects behind them, fetched when needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from interp.errors import InterpError, RegistryError, nearest
from interp.registry.loading import Key, call, collect
from interp.registry.manifest import (
    ENTRIES,
    PARTS,
    CompositionEntry,
    Entry,
    HookEntry,
    Manifest,
    PerturbationEntry,
    RendererEntry,
    read_manifest,
)

FILE = "registry.yaml"
GROUP = "interp"
"""The entry-point group of third-party packages; an entry point's value is a package."""


class Broken(NamedTuple):
    """An installed package that cannot be used."""

    package: str
    reason: str


@dataclass(frozen=True, eq=False)
class Registry:
    """Registry files read one after another, and which installed packages are broken."""

    manifests: tuple[Manifest, ...]
    broken: tuple[Broken, ...] = ()
    _objects: dict[str, dict[Key, Any]] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, extra: Sequence[Path] = ()) -> Registry:
        """The project's own registry, installed packages', and the files in `extra`.

        A slip in an installed package makes it broken; one in the others is a RegistryError.
        """
        manifests, broken = [read_manifest(builtin())], []
        for name, package in _installed():
            try:
                manifest = read_manifest(_find(package))
                check_together([*manifests, manifest])
                manifests.append(manifest)
            except InterpError as error:
                broken.append(Broken(name, str(error)))
        manifests += map(read_manifest, extra)
        check_together(manifests)
        return cls(tuple(manifests), tuple(broken))

    def entries(self, kind: str | None = None) -> list[Entry]:
        """Everything registered, of one kind where it is named, in the files' order."""
        return [each for each in self._all if kind in (None, each.kind)]

    @cached_property
    def _all(self) -> list[Entry]:
        """All entries; a composition needs what its perturbation needs."""
        found = [each for manifest in self.manifests for each in manifest.entries]
        needs = {each.name: each.needs for each in found if isinstance(each, PerturbationEntry)}
        return [
            each.model_copy(update={"needs": needs[each.compose.perturbation]})
            if isinstance(each, CompositionEntry)
            else each
            for each in found
        ]

    def entry(self, kind: str, name: str) -> Entry:
        """What is said of a name; RegistryError offers the nearest ones."""
        if kind not in ENTRIES:
            raise RegistryError(f"unknown kind {kind!r}; {nearest(kind, ENTRIES)}")
        known = {each.name: each for each in self.entries(kind)}
        if name not in known:
            raise RegistryError(f"unknown {kind} {name!r}; {nearest(name, known)}")
        return known[name]

    def get(self, kind: str, name: str) -> Any:
        """The object behind a name; PluginError if its package fails or lacks it."""
        entry = self.entry(kind, name)
        if isinstance(entry, CompositionEntry):
            return self._composed(entry)
        package = entry.package
        if package not in self._objects:
            declared = {
                (e.kind, e.name)
                for e in self.entries()
                if e.package == package and not isinstance(e, CompositionEntry)
            }
            self._objects[package] = collect(package, declared, self._home(package))
        return self._objects[package][kind, name]

    def _composed(self, entry: CompositionEntry) -> Any:
        from interp.registry.composition import compose

        made = self._objects.setdefault("", {})
        key = (entry.kind, entry.name)
        if key not in made:
            made[key] = compose(entry, self.get)
        return made[key]

    def renderer(self, evidence: str) -> Any:
        """The renderer of a kind of evidence: the last one registered, so ours can be replaced.

        RegistryError where there is none.
        """
        known = {e.evidence: e for e in self.entries("renderer") if isinstance(e, RendererEntry)}
        if evidence not in known:
            raise RegistryError(
                f"no renderer draws evidence of kind {evidence!r}; {nearest(evidence, known)}"
            )
        return self.get("renderer", known[evidence].name)

    def hooks(self, hook: str) -> list[HookEntry]:
        """Who declared a hook."""
        return [e for manifest in self.manifests for e in manifest.hooks if e.hook == hook]

    def hook(self, hook: str, **arguments: Any) -> list[Any]:
        """Call a hook in the packages that declared it; their answers in order."""
        return [
            answer
            for each in self.hooks(hook)
            for answer in call(each.package, hook, self._home(each.package), **arguments)
        ]

    def _home(self, package: str) -> Path:
        """The folder of the registry file that names a package."""
        return next(
            manifest.path.parent for manifest in self.manifests if package in manifest.packages
        )


def builtin() -> Path:
    """The project's own registry file: inside the wheel, or at the root of a checkout."""
    package = Path(__file__).parent.parent
    places = (package / FILE, package.parent.parent / FILE)
    for place in places:
        if place.is_file():
            return place
    raise RegistryError(f"found no {FILE} at {places[0]} or {places[1]}; install interp again")


def check_together(manifests: Sequence[Manifest]) -> None:
    """Raise RegistryError where entries share kind and name, or a composition lacks a part."""
    check_unique(manifests)
    known = {(each.kind, each.name) for manifest in manifests for each in manifest.entries}
    for manifest in manifests:
        for each in manifest.entries:
            if isinstance(each, CompositionEntry):
                for part in PARTS:
                    name = getattr(each.compose, part)
                    if (part, name) not in known:
                        names = [other for kind, other in known if kind == part]
                        raise RegistryError(
                            f"{manifest.path}: method {each.name!r} wants the {part} {name!r}, "
                            f"which nobody registers; {nearest(name, names)}"
                        )


def check_unique(manifests: Iterable[Manifest]) -> None:
    """Raise RegistryError where two entries of one kind share a name."""
    seen: dict[Key, Path] = {}
    for manifest in manifests:
        for each in manifest.entries:
            key = (each.kind, each.name)
            if key in seen:
                raise RegistryError(
                    f"{manifest.path}: {each.kind} {each.name!r} is registered in "
                    f"{seen[key]} already; rename one"
                )
            seen[key] = manifest.path


def _installed() -> list[tuple[str, str]]:
    """Name and top-level package of each entry point, without importing any."""
    found = sorted(entry_points(group=GROUP), key=lambda each: each.name)
    return [(each.name, each.value.partition(":")[0].partition(".")[0]) for each in found]


def _find(package: str) -> Path:
    """A package's registry file, found without importing the package."""
    spec = find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    for place in places:
        if (Path(place) / FILE).is_file():
            return Path(place) / FILE
    raise RegistryError(
        f"found no {FILE} in {', '.join(places) or f'a package {package!r}'}; "
        "expected it beside the package's __init__.py"
    )
