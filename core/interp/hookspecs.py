"""The hooks that a plugin package may implement, for pluggy."""

from __future__ import annotations

from typing import Any

import pluggy

hookspec = pluggy.HookspecMarker("interp")
hookimpl = pluggy.HookimplMarker("interp")


@hookspec
def interp_register(registrar: Any) -> None:
    """Say which object stands behind each declared name: `registrar.add(kind, name, object)`."""


@hookspec
def interp_before_run(request: Any) -> None:
    """See the Request of a run whose model, images and parameters were found good."""


@hookspec
def interp_after_run(explanation: Any) -> None:
    """See the Explanation of a run before it is drawn and saved."""


@hookspec
def interp_commands(app: Any) -> None:
    """Add commands to the command line, a typer.Typer; registry.yaml names them."""


@hookspec
def interp_panels() -> Any:
    """Pages of the dashboard, {title: panel}; registry.yaml names them.

    panel(comparison) draws with streamlit; it is given the last comparison, or None.
    """
