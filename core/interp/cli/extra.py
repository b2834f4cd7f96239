"""Flags that a command does not know: a method's parameters, `--sigma 2` for `--set sigma=2`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import typer

from interp.cli.parse import settings
from interp.errors import InputError, nearest

if TYPE_CHECKING:
    from interp.registry import Registry

PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Settings of a command that takes a method's parameters as flags."""
NUMBER = re.compile(r"-[\d.]")


def parameters(
    registry: Registry, method: str, set_: Sequence[str], words: Sequence[str], own: Iterable[str]
) -> dict[str, Any]:
    """What `--set` and the flags that are not the command's `own` say of a method's parameters.

    A flag without a value is true; one given several times is a list.
    """
    registry.entry("method", method)
    said: dict[str, list[str]] = {}
    for key, value in _flags(words):
        said.setdefault(key, []).append(value)
    if said:
        known = registry.get("method", method).Params.model_fields
        for key in said:
            if key not in known:
                flags = [f"--{each.replace('_', '-')}" for each in known]
                wrong = f"--{key.replace('_', '-')}"
                raise InputError(
                    f"no such option: {wrong}; {nearest(wrong, [*own, *flags])} "
                    f"(interp show {method} lists its parameters)"
                )
    found = {
        key: [settings([f"{key}={each}"])[key] for each in each_] for key, each_ in said.items()
    }
    return settings(set_) | {
        key: values[0] if len(values) == 1 else values for key, values in found.items()
    }


def own_flags(context: typer.Context) -> list[str]:
    """The command's own options, as typed."""
    return [name for each in context.command.params for name in each.opts]


def _flags(words: Sequence[str]) -> Iterable[tuple[str, str]]:
    """`--a 1 --b --c=2` as (a, 1), (b, true), (c, 2)."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            raise InputError(f"found {word!r} where an option was expected; options begin with --")
        key, equals, value = word[2:].partition("=")
        if not equals:
            plain = bool(rest) and (
                not rest[0].startswith("-") or NUMBER.match(rest[0]) is not None
            )
            value = rest.pop(0) if plain else "true"
        yield key.replace("-", "_"), value
