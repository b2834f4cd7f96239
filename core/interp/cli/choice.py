"""Several methods or metrics on a command line, each with parameters of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from interp.cli.parse import settings
from interp.errors import InputError, nearest

if TYPE_CHECKING:
    from interp.registry import Registry
    from interp.request import Choice


def choices(
    registry: Registry,
    kind: str,
    names: str,
    flag: str,
    set_: Sequence[str] | None,
    knowledge: Sequence[str] | None = None,
) -> tuple[Choice, ...]:
    """Names by commas, with what the flags say of each one's parameters and knowledge."""
    from interp.request import Choice

    listed = [name.strip() for name in names.split(",") if name.strip()]
    for name in listed:
        registry.entry(kind, name)
    params = _by_name(flag, set_, listed)
    known = dict(_folder(text, listed) for text in knowledge or ())
    return tuple(
        Choice(name=name, params=params.get(name, {}), knowledge=known.get(name)) for name in listed
    )


def _folder(text: str, listed: Sequence[str]) -> tuple[str, str]:
    """`chip=known` as (chip, known)."""
    name, equals, folder = text.partition("=")
    if not equals:
        raise InputError(f"--knowledge {text}: expected METHOD=DIR, e.g. chip=known")
    _named("--knowledge", name, listed)
    return name, folder


def _by_name(
    flag: str, texts: Sequence[str] | None, listed: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """`["mint.samples=5"]` as {"mint": {"samples": 5}}."""
    found: dict[str, dict[str, Any]] = {}
    for key, value in settings(texts or ()).items():
        name, dot, parameter = key.rpartition(".")
        if not dot:
            raise InputError(f"{flag} {key}=...: expected NAME.KEY=VALUE, e.g. mint.samples=500")
        _named(flag, name, listed)
        found.setdefault(name, {})[parameter] = value
    return found


def _named(flag: str, name: str, listed: Sequence[str]) -> None:
    if name not in listed:
        raise InputError(f"{flag} {name}: not among the names given; {nearest(name, listed)}")
