"""Network Decoupling: networks whose filters are switched on and off for each image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp.hookspecs import hookimpl

if TYPE_CHECKING:
    from interp.registry.loading import Registrar


@hookimpl
def interp_register(registrar: Registrar) -> None:
    """The method, the builder of the networks it trains, one of them, and their measures."""
    from interp.opening.source import ModelSource
    from interp_decoupling.build import build
    from interp_decoupling.knowledge import SHIPPED
    from interp_decoupling.method import Decoupling
    from interp_decoupling.metric import METRICS

    registrar.add("method", "decoupling", Decoupling)
    registrar.add("builder", "decoupled", build)
    registrar.add("model", "creatures-decoupled", ModelSource(str(SHIPPED / "creatures-resnet")))
    for name, metric in METRICS.items():
        registrar.add("metric", name, metric)
