"""Plugin packages: imported when one of their names is needed, asked through pluggy's hooks."""

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

from interp.errors import InterpError, PluginError

Key = tuple[str, str]
"""A kind and a name."""


@dataclass(frozen=True)
class Registrar:
    """Takes the objects of one package."""

    package: str
    objects: dict[Key, Any] = field(default_factory=dict)

    def add(self, kind: str, name: str, obj: Any) -> None:
        """Put `obj` behind a name that the package's registry.yaml declares."""
        if (kind, name) in self.objects:
            raise PluginError(f"{self.package} adds {kind} {name!r} twice; keep one")
        self.objects[kind, name] = obj


def collect(package: str, declared: set[Key], home: Path) -> dict[Key, Any]:
    """What a package registers; PluginError unless that is just what it declared."""
    registrar = Registrar(package)
    call(package, "interp_register", home, registrar=registrar)
    added = set(registrar.objects)
    for word, keys, remedy in (
        ("declares", declared - added, "but its interp_register does not add it"),
        ("adds", added - declared, "but its registry.yaml does not declare it"),
    ):
        if keys:
            kind, name = min(keys)
            raise PluginError(f"{package} {word} {kind} {name!r}, {remedy}")
    return registrar.objects


def call(package: str, hook: str, home: Path, **arguments: Any) -> list[Any]:
    """Call one package's implementation of a hook; PluginError where it fails or has none."""
    with _blamed(package, f"failed in {hook}"):
        caller = getattr(_manager(package, home).hook, hook)
        if not caller.get_hookimpls():
            raise PluginError(f"{package} declares {hook}, but has no function of that name")
        return list(caller(**arguments))


@cache
def _manager(package: str, home: Path) -> Any:
    import pluggy

    from interp import hookspecs

    manager = pluggy.PluginManager("interp")
    manager.add_hookspecs(hookspecs)
    manager.register(_import(package, home), name=package)
    manager.check_pending()
    return manager


def _import(package: str, home: Path) -> Any:
    """Import a package; one that lies beside a registry file given by path is found there."""
    with _blamed(package, "could not be imported"):
        if find_spec(package.partition(".")[0]) is None:
            inside = (home / "__init__.py").exists()
            sys.path.append(str((home.parent if inside else home).resolve()))
        return importlib.import_module(package)


@contextmanager
def _blamed(package: str, what: str) -> Iterator[None]:
    """Turn whatever a package raises into a PluginError that names it."""
    try:
        yield
    except InterpError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"{package} {what}: {type(error).__name__}: {error}") from error
