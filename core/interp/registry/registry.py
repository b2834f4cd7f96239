"""The entries of all registry files, and the objects behind them, imported when first needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from interp.errors import InterpError, PluginError, RegistryError, blamed, nearest
from interp.registry.answer import ANSWERS
from interp.registry.loading import Key, call, collect, load
from interp.registry.manifest import (
    ENTRIES,
    CompositionEntry,
    Entry,
    HookEntry,
    Manifest,
    PerturbationEntry,
    RendererEntry,
    names_in,
    read_manifest,
)
from interp.spec import Capability

AnyEntry = TypeVar("AnyEntry", bound=Entry)

FILE = "registry.yaml"
"""A package's registry file, beside its __init__.py."""


class Broken(NamedTuple):
    """An installed package whose registry file cannot be used, and why.

    `names` are those that the file seems to register; empty where it cannot be read at all.
    """

    package: str
    reason: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Registry:
    """Registry files in the order in which they were read, and installed packages that are broken.

    registry = Registry.load()
    kind = registry.get("method", "mint")  # imports the package that brings it
    """

    manifests: tuple[Manifest, ...]
    broken: tuple[Broken, ...] = ()
    extra: tuple[Path, ...] = ()
    """The files that were added to those of installed packages, whose manifests come last."""
    _objects: dict[Key, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, extra: str | Path | Sequence[str | Path] = ()) -> Registry:
        """The project's own registry, those of installed packages, and the files in `extra`.

        Installed packages are the values of entry points in the group `interp`; none is imported.
        A mistake in one's file makes that package broken; in other files it raises RegistryError.
        """
        manifests, broken = [read_manifest(builtin())], []
        for point in sorted(entry_points(group="interp"), key=lambda each: each.name):
            package, path = re.split("[:.]", point.value)[0], None
            try:
                path = _find(package)
                manifest = read_manifest(path)
                check_together([*manifests, manifest])
                manifests.append(manifest)
            except InterpError as error:
                broken.append(Broken(point.name, str(error), names_in(path)))
        added = [Path(each) for each in ([extra] if isinstance(extra, str | Path) else extra)]
        manifests += map(read_manifest, added)
        check_together(manifests)
        return cls(tuple(manifests), tuple(broken), tuple(each.absolute() for each in added))

    def __repr__(self) -> str:
        count, files = len(self.entries()), len(self.manifests)
        broken = f", broken: {', '.join(each.package for each in self.broken)}"
        return f"Registry({count} entries of {files} files{broken if self.broken else ''})"

    def __getstate__(self) -> dict[str, Any]:
        """What is sent to another process: no objects, which that imports itself."""
        return {
            "manifests": self.manifests,
            "broken": self.broken,
            "extra": self.extra,
            "_objects": {},
        }

    def entries(self, kind: str | None = None) -> list[Entry]:
        """Everything registered, or all of one kind, in the order of the files."""
        return [each for each in self._all if kind in (None, each.kind)]

    @cached_property
    def _all(self) -> list[Entry]:
        """All entries; a composition needs what its perturbation needs."""
        found = [each for manifest in self.manifests for each in manifest.entries]
        needs = {each.name: each.needs for each in found if isinstance(each, PerturbationEntry)}
        return [
            each.model_copy(update={"needs": needs.get(each.compose.perturbation)})
            if isinstance(each, CompositionEntry)
            else each
            for each in found
        ]

    @property
    def answers(self) -> dict[str, str]:
        """What methods may answer, each with the question: known words and those of packages."""
        return ANSWERS | {
            word: each for known in self.manifests for word, each in known.answers.items()
        }

    def entry(self, kind: str, name: str) -> Entry:
        """The entry of a name; RegistryError offers the nearest names.

        A name that a broken package seems to bring is answered with that package's reason.
        """
        if kind not in ENTRIES:
            raise RegistryError(f"unknown kind {kind!r}; {nearest(kind, ENTRIES)}")
        known = {each.name: each for each in self.entries(kind)}
        if name not in known:
            raise self.unknown(f"unknown {kind} {name!r}", name, known)
        return known[name]

    def unknown(self, words: str, name: str, known: Iterable[str]) -> RegistryError:
        """The error of a name that is none of the `known`: whose it is, or the nearest names."""
        for each in self.broken:
            if name in each.names:
                return RegistryError(
                    f"{words}: it is of package {each.package}, which is broken: {each.reason}"
                )
        mute = [each.package for each in self.broken if not each.names]
        perhaps = f"; it may be of the broken package {mute[0]}: see interp list" if mute else ""
        return RegistryError(f"{words}; {nearest(name, known)}{perhaps}")

    def complete(self, entry: AnyEntry) -> AnyEntry:
        """The entry with `needs`, taken from its class where the registry file leaves them out.

        Only then is anything imported; PluginError as for get.
        """
        if getattr(entry, "needs", ()) is not None:
            return entry
        needs = self.get(entry.kind, entry.name).needs
        listed = tuple(each for each in Capability if each in needs)
        return entry.model_copy(update={"needs": listed})

    def get(self, kind: str, name: str) -> Any:
        """The object of a name; PluginError where its package fails or does not provide it."""
        entry = self.entry(kind, name)
        if (kind, name) not in self._objects:
            self._objects.update(self._loaded(entry))
        return self._objects[kind, name]

    def _loaded(self, entry: Entry) -> dict[Key, Any]:
        """The object of an entry; with an `interp_register`, all that the package hands over."""
        key = (entry.kind, entry.name)
        if isinstance(entry, CompositionEntry):
            from interp.registry.composition import compose

            return {key: compose(entry, self.get)}
        manifest = next(each for each in self.manifests if entry in each.entries)
        if entry.object is not None:
            return {key: load(entry, manifest.path, manifest.entries.index(entry))}
        handed = {
            (each.kind, each.name)
            for each in self.entries()
            if each.package == entry.package and each.object is None
        }
        return collect(entry.package, handed, manifest.path.parent)

    def renderer(self, evidence: str) -> Any:
        """The renderer of a kind of evidence; RegistryError where there is none.

        The last one registered counts, so that a package can replace a built-in renderer.
        """
        known = {e.evidence: e for e in self.entries("renderer") if isinstance(e, RendererEntry)}
        if evidence not in known:
            raise RegistryError(
                f"no renderer draws evidence of kind {evidence!r}; {nearest(evidence, known)}"
            )
        found = self.get("renderer", known[evidence].name)
        return found() if isinstance(found, type) else found

    def know_evidence(self, kind: str) -> None:
        """Import the package that brings evidence of this kind, so that results can be opened.

        That is the package of the kind's renderer. Nothing is imported for a kind that is known,
        or that no entry names; PluginError where the package fails or does not define it.
        """
        from interp.evidence import KINDS

        if kind in KINDS:
            return
        renderers = [e for e in self.entries("renderer") if isinstance(e, RendererEntry)]
        package = next((e.package for e in renderers if e.evidence == kind), None)
        of_package = [each for each in self._all if each.package == package]
        for each in sorted(of_package, key=lambda entry: getattr(entry, "evidence", "") != kind):
            self.get(each.kind, each.name)
            if kind in KINDS:
                return
        if package is not None:
            raise PluginError(
                f"{package} draws evidence of kind {kind!r}, but none of its entries imports a "
                "class of that kind; import it where the renderer is"
            )

    def hooks(self, hook: str) -> list[HookEntry]:
        """The declarations of a hook."""
        return [e for manifest in self.manifests for e in manifest.hooks if e.hook == hook]

    def hook(self, hook: str, **arguments: Any) -> list[Any]:
        """Call a hook in the packages that declare it; their answers in order."""
        return [
            answer
            for manifest in self.manifests
            for each in manifest.hooks
            if each.hook == hook
            for answer in call(each.package, hook, manifest.path.parent, **arguments)
        ]


def builtin() -> Path:
    """The project's own registry file: inside the wheel, or at the root of a checkout."""
    places = [Path(__file__).parents[above] / FILE for above in (1, 3)]
    for place in places:
        if place.is_file():
            return place
    raise RegistryError(f"found no {FILE} at {places[0]} or {places[1]}; install interp again")


def check_together(manifests: Sequence[Manifest]) -> None:
    """Raise RegistryError where entries share kind and name, or a composition lacks a part."""
    entries = [(manifest.path, each) for manifest in manifests for each in manifest.entries]
    seen: dict[Key, Path] = {}
    for path, each in entries:
        first = seen.get((each.kind, each.name))
        if first is not None:
            raise RegistryError(
                f"{path}: {each.kind} {each.name!r} is registered in {first} already; rename one"
            )
        seen[each.kind, each.name] = path
    for path, each in entries:
        parts = each.compose.parts if isinstance(each, CompositionEntry) else {}
        for part, name in parts.items():
            if (part, name) not in seen:
                names = [other for kind, other in seen if kind == part]
                raise RegistryError(
                    f"{path}: method {each.name!r} wants the {part} {name!r}, which nobody "
                    f"registers; {nearest(name, names)}"
                )


def _find(package: str) -> Path:
    """A package's registry file, found without importing the package."""
    with blamed(package, "cannot be looked for"):  # a parent package is imported
        spec = find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    for place in places:
        if (Path(place) / FILE).is_file():
            return Path(place) / FILE
    raise RegistryError(
        f"found no {FILE} in {', '.join(places) or f'a package {package!r}'}; "
        "expected it beside the package's __init__.py"
    )
