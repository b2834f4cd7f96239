"""Hooks that a plugin package may implement; pluggy calls them."""

from __future__ import annotations

from typing import Any

import pluggy

hookspec = pluggy.HookspecMarker("interp")
hookimpl = pluggy.HookimplMarker("interp")


@hookspec
def interp_register(registrar: Any) -> None:
    """Register the objects of entries without `object`: `registrar.add(kind, name, object)`."""


@hookspec
def interp_before_run(request: Any) -> None:
    """Called before a run, with its Request; model, images and parameters were found good."""


@hookspec
def interp_after_run(explanation: Any) -> None:
    """Called after a run, with its Explanation, before that is drawn and saved."""


@hookspec
def interp_commands(app: Any) -> None:
    """Add the commands that registry.yaml names to the command line, a typer.Typer."""


@hookspec
def interp_panels() -> Any:
    """The pages of the dashboard that registry.yaml names, {title: panel}.

    panel(comparison) draws with streamlit; it is given the last comparison, or None.
    """
