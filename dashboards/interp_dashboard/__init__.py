"""The dashboard: models, images and methods in the browser, with the results side by side."""

from __future__ import annotations

from typing import Any

from interp.hookspecs import hookimpl


@hookimpl
def interp_commands(app: Any) -> None:
    """Add `interp dashboard` to the command line."""
    from interp_dashboard.command import dashboard

    app.command("dashboard")(dashboard)
