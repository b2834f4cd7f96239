"""The dashboard: choose a model, an image and methods, and see the answers side by side."""

from __future__ import annotations

from typing import Any

from interp.hookspecs import hookimpl


@hookimpl
def interp_commands(app: Any) -> None:
    """Add `interp dashboard`."""
    from interp_dashboard.command import dashboard

    app.command("dashboard")(dashboard)
