"""Whether a command line is one that the real command line takes, without running it."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import typer

from interp.cli import parse
from interp.cli.app import app
from interp.errors import InputError
from interp.opening.named import open_method, open_metric, open_model_metric
from interp.registry import Registry


def check_command(registry: Registry, words: list[str], own: Collection[str] = ()) -> None:
    """Raise what the command line would say of a wrong command, option, choice, name or parameter.

    Names in capitals, such as NAME, and the page's `own` names stand for what the reader has.
    """
    outer, command = _command(words)
    try:
        context = command.make_context(words[0], list(words[1:]), parent=outer)
    except Exception as error:
        if not hasattr(error, "format_message"):  # the command-line library's own
            raise
        raise InputError(error.format_message()) from error
    given = context.params
    method = given.get("plugin")
    if method and _is_known(registry, "method", method, own):
        params = parse.parameters(registry, method, given.get("set_"), context)
        open_method(registry, method, params)
    for each in _listed(given.get("plugins")):
        _is_known(registry, "method", each, own)
    for each in _listed(given.get("metrics")):
        open_metric(registry, each, {})
    if words[0] == "measure":
        open_model_metric(registry, given["metric"], parse.settings(given.get("set_") or ()))


def check_mention(registry: Registry, words: list[str]) -> None:
    """Raise KeyError for a part of a command line with an unknown command or option."""
    _, command = _command(words)
    known = {option for each in command.params for option in each.opts} | {"--help"}
    if command.context_settings:  # it takes the methods' parameters
        for entry in registry.entries("method"):
            fields = registry.get("method", entry.name).Params.model_fields
            known |= {f"--{field.replace('_', '-')}" for field in fields}
    for word in words[1:]:
        option = word.partition("=")[0]
        if option.startswith("--") and option not in known:
            raise KeyError(option)


def _command(words: list[str]) -> tuple[Any, Any]:
    """The command line's context and the command that the words begin with."""
    group: Any = typer.main.get_command(app)
    outer = group.make_context("interp", list(words))
    return outer, group.resolve_command(outer, list(words))[1]


def _listed(names: object) -> list[str]:
    return names.split(",") if isinstance(names, str) else []


def _is_known(registry: Registry, kind: str, name: str, own: Collection[str]) -> bool:
    """False for a placeholder. Raises RegistryError for a name that is not registered."""
    placeholder = re.fullmatch(r"[A-Z]+", name) or name in own
    return not placeholder and registry.entry(kind, name) is not None
