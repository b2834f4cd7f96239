"""Checks of hooks, and of the commands and panels that they add."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import typer

from interp.registry import Registry
from interp.storage.folder import slug
from interp.testing.conformance import MethodCase
from interp.testing.entry_case import EntryCase, EntryCheck


def check_called(case: EntryCase) -> str:
    """It is called with a real run, and leaves that as it was."""
    manifests = tuple(replace(each, hooks=()) for each in case.registry.manifests)
    tried = MethodCase("rise", Registry(manifests), samples=100)  # a run that calls no hook
    request, explanation = tried.request(), tried.explain()
    before = {name: each.copy() for name, each in explanation.evidence[0].arrays().items()}
    given: dict[str, dict[str, Any]] = {
        "interp_before_run": {"request": request},
        "interp_after_run": {"explanation": explanation},
    }
    if case.hook.hook not in given:
        return f"{case.hook.hook} adds {', '.join(case.hook.names)}, which are checked by name"
    case.call_hook(**given[case.hook.hook])
    for name, each in explanation.evidence[0].arrays().items():
        assert np.array_equal(each, before[name]), f"it writes to {name} of the evidence"
    return f"{case.hook.hook} was called"


def check_command(case: EntryCase) -> str:
    """The command is added under the name that the registry file declares, and others are not."""
    group = _group(case)
    assert case.name in group.commands, f"it adds {', '.join(group.commands) or 'nothing'}"
    more = ", ".join(sorted(set(group.commands) - set(case.hook.names)))
    assert not more, f"it also adds {more}, which registry.yaml does not declare"
    return f"of {case.hook.package}"


def check_help(case: EntryCase) -> str:
    """The command says what it does."""
    command = _group(case).commands[case.name]
    told = (command.help or "").strip()
    assert told, "it has no help; write a docstring"
    return told.splitlines()[0]


def check_panel(case: EntryCase) -> str:
    """The panel is there under the name that the registry file declares, and takes a comparison."""
    (answer,) = case.call_hook()
    assert isinstance(answer, dict), f"found {type(answer).__name__}; expected {{title: panel}}"
    titles = {slug(str(title)): panel for title, panel in answer.items()}
    assert case.name in titles, f"found the titles {', '.join(map(str, answer))}"
    panel = titles[case.name]
    assert callable(panel), f"found {type(panel).__name__}; expected a function"
    try:
        inspect.signature(panel).bind(None)
    except TypeError as error:
        raise AssertionError(f"it cannot be called as panel(comparison): {error}") from error
    return f"of {case.hook.package}"


CHECKS: dict[str, tuple[EntryCheck, ...]] = {
    "hook": (check_called,),
    "command": (check_command, check_help),
    "panel": (check_panel,),
}


def _group(case: EntryCase) -> typer.core.TyperGroup:
    """The command line that the hook adds to, with its commands."""
    app = typer.Typer(rich_markup_mode=None)
    app.callback()(lambda: None)
    case.call_hook(app=app)
    return typer.main.get_group(app)
