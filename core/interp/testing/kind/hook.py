"""Checks of hooks, and of the commands and panels that they add."""

from __future__ import annotations

import inspect
import tempfile
from pathlib import Path

import numpy as np
import typer

from interp.log_setting import ENVIRONMENT, log_places
from interp.storage.folder import slug
from interp.testing.entry_case import EntryCase, EntryCheck, NothingToMeasure
from interp.testing.kind.work import Work, arrays


def check_called(case: EntryCase) -> str:
    """It is called with real work, and leaves the result as it was."""
    hook = case.hook
    if hook.log is not None and hook.log not in log_places():
        raise NothingToMeasure(
            f"called where {ENVIRONMENT} asks for {hook.log}; set that to try it"
        )
    with tempfile.TemporaryDirectory() as folder:
        given = Work(case.registry, Path(folder)).arguments(hook.hook)
        if given is None:
            return f"{hook.hook} adds {', '.join(hook.names)}, which are checked by name"
        before = [arrays(each) for each in given.values()]
        case.call_hook(**given)
        for kept, each in zip(before, given.values(), strict=True):
            for name, values in arrays(each).items():
                assert np.array_equal(values, kept[name]), f"it writes to {name} of the result"
    return f"{hook.hook} was called"


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
