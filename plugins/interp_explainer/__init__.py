"""Explainer networks: object parts from a frozen network's features, without labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp.hookspecs import hookimpl

if TYPE_CHECKING:
    from interp.registry.loading import Registrar


@hookimpl
def interp_register(registrar: Registrar) -> None:
    """The method, and what its networks are measured by."""
    from interp_explainer.method import Explainer
    from interp_explainer.metric import METRICS

    registrar.add("method", "explainer", Explainer)
    for name, metric in METRICS.items():
        registrar.add("metric", name, metric)
