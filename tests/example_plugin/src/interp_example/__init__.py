"""A complete third-party package: one method, declared in the registry.yaml beside this file."""

from typing import Any

from interp.hookspecs import hookimpl


@hookimpl
def interp_register(registrar: Any) -> None:
    """Hand over what registry.yaml declares."""
    from interp_example.method import OccludeGrid

    registrar.add("method", "occlude-grid", OccludeGrid)
