"""Parameters of methods and metrics on a command line: `--sigma 2`, `--set mint.samples=500`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from interp.cli.parse import setting, settings
from interp.errors import InputError, nearest

if TYPE_CHECKING:
    from interp.registry import Registry
    from interp.request import Choice

ALLOWED = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Context settings of a command that takes a method's parameters as options."""
NUMBER = re.compile(r"-[\d.]")


def parameters(
    registry: Registry, method: str, set_: Sequence[str], words: Sequence[str], own: Iterable[str]
) -> dict[str, Any]:
    """One method's parameters, from --set and from options that are not the command's `own`.

    An option without a value is true; one given several times is a list.
    """
    registry.entry("method", method)
    given: dict[str, list[Any]] = {}
    for key, value in _options(words):
        given.setdefault(key, []).append(setting(f"{key}={value}")[1])
    known = registry.get("method", method).Params.model_fields if given else ()
    for key in given:
        if key not in known:
            options = [*own, *(f"--{each.replace('_', '-')}" for each in known)]
            wrong = f"--{key.replace('_', '-')}"
            raise InputError(
                f"no such option: {wrong}; {nearest(wrong, options)} "
                f"(interp show {method} lists its parameters)"
            )
    return settings(set_) | {
        key: found[0] if len(found) == 1 else found for key, found in given.items()
    }


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """`--a 1 --b --c=2` as (a, 1), (b, true), (c, 2)."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            raise InputError(f"found {word!r} where an option was expected; options begin with --")
        key, equals, value = word[2:].partition("=")
        if not equals:
            is_value = bool(rest) and (not rest[0].startswith("-") or NUMBER.match(rest[0]))
            value = rest.pop(0) if is_value else "true"
        yield key.replace("-", "_"), value


def choices(
    registry: Registry,
    kind: str,
    names: str,
    flag: str,
    set_: Sequence[str] | None,
    knowledge: Sequence[str] | None = None,
) -> tuple[Choice, ...]:
    """Methods or metrics by comma-separated names, each with its parameters and knowledge.

    `flag` is the option that gave `set_`: errors name it.
    """
    from interp.request import Choice

    listed = [name.strip() for name in names.split(",") if name.strip()]
    for name in listed:
        registry.entry(kind, name)
    params: dict[str, dict[str, Any]] = {name: {} for name in listed}
    for key, value in settings(set_ or ()).items():
        name, dot, parameter = key.rpartition(".")
        if not dot:
            raise InputError(f"{flag} {key}=...: expected NAME.KEY=VALUE, e.g. mint.samples=500")
        _check_listed(flag, name, listed)
        params[name][parameter] = value
    folders: dict[str, str] = {}
    for text in knowledge or ():
        name, equals, folder = text.partition("=")
        if not equals:
            raise InputError(f"--knowledge {text}: expected METHOD=DIR, e.g. chip=known")
        _check_listed("--knowledge", name, listed)
        folders[name] = folder
    return tuple(
        Choice(name=name, params=params[name], knowledge=folders.get(name)) for name in listed
    )


def _check_listed(flag: str, name: str, listed: Sequence[str]) -> None:
    if name not in listed:
        raise InputError(f"{flag} {name}: not among the names given; {nearest(name, listed)}")
