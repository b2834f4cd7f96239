"""CSG: training networks whose filters belong to classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp.hookspecs import hookimpl

if TYPE_CHECKING:
    from interp.registry.loading import Registrar


@hookimpl
def interp_register(registrar: Registrar) -> None:
    """The method, the builder of the networks it trains, one of them, and their measures."""
    from interp.opening.source import ModelSource
    from interp_csg.head import build
    from interp_csg.knowledge import SHIPPED
    from interp_csg.method import Csg
    from interp_csg.metric import METRICS

    registrar.add("method", "csg", Csg)
    registrar.add("builder", "csg", build)
    registrar.add("model", "creatures-csg", ModelSource(str(SHIPPED / "creatures-resnet")))
    for name, metric in METRICS.items():
        registrar.add("metric", name, metric)
