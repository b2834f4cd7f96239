"""Imports plugin packages, and only once an object of theirs or a hook is needed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from interp.errors import InterpError, PluginError, nearest
from interp.registry.manifest import Entry

Key = tuple[str, str]
"""A kind and a name."""


def load(entry: Entry, file: Path, at: int) -> Any:
    """The object that entry number `at` of a registry file names.

    Raises PluginError, with file and key path, where it cannot be imported, is not of the class
    that its kind requires, or needs something else than the entry says.
    """
    module, _, name = str(entry.object).partition(":")
    where = f"{file}: entries[{at}].object: found {entry.object!r}"
    found = _import(module, file.parent, f"{where}, but {module}")
    if not hasattr(found, name):
        public = [each for each in vars(found) if not each.startswith("_")]
        raise PluginError(f"{where}, but {module} has no {name!r}; {nearest(name, public)}")
    loaded = getattr(found, name)
    check_object(entry.kind, loaded, f"{where}, which")
    needs = getattr(entry, "needs", None)
    if needs is not None and set(needs) != loaded.needs:
        raise PluginError(
            f"{file}: entries[{at}].needs: found {', '.join(needs)}; expected "
            f"{', '.join(sorted(loaded.needs))}, as {entry.object} says, or no `needs` at all"
        )
    return loaded


def check_object(kind: str, loaded: Any, who: str) -> None:
    """Raise PluginError that begins with `who` unless the object is what its kind requires."""
    from interp.registry.kind import mismatch

    with _blamed(f"{who} cannot be looked at"):
        wanted = mismatch(kind, loaded)
    if wanted:
        what = "a class" if isinstance(loaded, type) else f"of class {type(loaded).__name__}"
        raise PluginError(f"{who} is {what}; expected {wanted}")


@dataclass(frozen=True)
class Registrar:
    """Takes the objects that a package's `interp_register` hands over."""

    package: str
    objects: dict[Key, Any] = field(default_factory=dict)

    def add(self, kind: str, name: str, obj: Any) -> None:
        """Register `obj` under a name that the package's registry.yaml declares."""
        if (kind, name) in self.objects:
            raise PluginError(f"{self.package} adds {kind} {name!r} twice; keep one")
        self.objects[kind, name] = obj


def collect(package: str, declared: set[Key], home: Path) -> dict[Key, Any]:
    """What a package's `interp_register` adds; PluginError unless that is what it declares."""
    registrar = Registrar(package)
    call(package, "interp_register", home, registrar=registrar)
    for kind, name in sorted(declared ^ set(registrar.objects)):
        mistake = (
            f"declares {kind} {name!r}, but its interp_register does not add it"
            if (kind, name) in declared
            else f"adds {kind} {name!r}, but its registry.yaml does not declare it"
        )
        raise PluginError(f"{package} {mistake}")
    for (kind, name), each in registrar.objects.items():
        check_object(kind, each, f"{package}: {kind} {name!r}, which its interp_register adds,")
    return registrar.objects


def call(package: str, hook: str, home: Path, **arguments: Any) -> list[Any]:
    """Call one package's implementation of a hook; PluginError where it fails or has none."""
    with _blamed(f"{package} failed in {hook}"):
        caller = getattr(_manager(package, home).hook, hook)
        if not caller.get_hookimpls():
            raise PluginError(f"{package} declares {hook}, but has no function of that name")
        return list(caller(**arguments))


@cache
def _manager(package: str, home: Path) -> Any:
    import pluggy

    manager = pluggy.PluginManager("interp")
    # by name: the specifications know every result, and stand above this module
    manager.add_hookspecs(importlib.import_module("interp.hookspecs"))
    manager.register(_import(package, home, package), name=package)
    manager.check_pending()
    return manager


def _import(module: str, home: Path, who: str) -> Any:
    """Import a module, if need be from the folder of the registry file that names it."""
    with _blamed(f"{who} could not be imported"):
        if find_spec(module.partition(".")[0]) is None:
            inside = (home / "__init__.py").exists()
            sys.path.append(str((home.parent if inside else home).resolve()))
        return importlib.import_module(module)


@contextmanager
def _blamed(what: str) -> Iterator[None]:
    """Turn whatever a package raises into a PluginError of one line that names it."""
    try:
        yield
    except InterpError:
        raise
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        reason = " ".join(str(error).split())
        raise PluginError(f"{what}: {type(error).__name__}: {reason}") from error
