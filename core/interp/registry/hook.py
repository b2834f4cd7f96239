"""Calling hooks around work: a package's failure there is told, and never loses a result."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from interp.errors import Cancelled, InputError, InterpError, PluginError, nearest
from interp.log_setting import ENVIRONMENT, log_places
from interp.registry.loading import call
from interp.registry.manifest import HookEntry
from interp.registry.registry import Registry


def call_before(registry: Registry, hook: str, **arguments: Any) -> tuple[str, ...]:
    """Call a hook before work; notes on packages that failed.

    Raises InputError where a package refuses the work, or INTERP_LOG asks for an unknown logger.
    """
    _check_loggers(registry)
    notes = []
    for entry, home in _declared(registry, hook):
        try:
            call(entry.package, hook, home, **arguments)
        except InputError as error:
            raise InputError(f"{entry.package} refuses: {error}") from error
        except Cancelled:
            raise
        except InterpError as error:
            notes.append(_told(entry, error))
    return tuple(notes)


def call_after(registry: Registry, hook: str, **arguments: Any) -> tuple[str, ...]:
    """Call a hook after work; notes on packages that failed. The result is kept in any case."""
    notes = []
    for entry, home in _declared(registry, hook):
        try:
            _check_installed(entry)
            call(entry.package, hook, home, **arguments)
        except InterpError as error:
            notes.append(_told(entry, error))
    return tuple(notes)


def loggers(registry: Registry) -> dict[str, str]:
    """The loggers that packages declare by name, each with its package."""
    hooks = (each for manifest in registry.manifests for each in manifest.hooks)
    return {each.log: each.package for each in hooks if each.log is not None}


def _declared(registry: Registry, hook: str) -> Iterator[tuple[HookEntry, Path]]:
    """The packages that declare a hook, of loggers those that are asked for."""
    asked = log_places()
    for manifest in registry.manifests:
        for each in manifest.hooks:
            if each.hook == hook and (each.log is None or each.log in asked):
                yield each, manifest.path.parent


def _check_loggers(registry: Registry) -> None:
    """Raise InputError for a logger that is asked for and unknown, or needs what is missing."""
    known, asked = loggers(registry), log_places()
    for name in asked:
        if name not in known:
            raise InputError(f"{ENVIRONMENT}: found no logger {name!r}; {nearest(name, known)}")
    for manifest in registry.manifests:
        for each in manifest.hooks:
            if each.log in asked:
                _check_installed(each)


def _check_installed(entry: HookEntry) -> None:
    if entry.needs is None or find_spec(entry.needs.partition(".")[0]) is not None:
        return
    raise InputError(
        f"{ENVIRONMENT}={entry.log} needs the package {entry.needs}, which is not installed; "
        f"pip install '{entry.install or entry.needs}'"
    )


def _told(entry: HookEntry, error: InterpError) -> str:
    """What failed, with package and hook, which most failures name already."""
    words = " ".join(str(error).split())[:300]
    named = isinstance(error, PluginError) and words.startswith(entry.package)
    return words if named else f"{entry.package} failed in {entry.hook}: {words}"
