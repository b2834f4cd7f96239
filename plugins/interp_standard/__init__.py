"""Parts that methods share: renderers for every kind of evidence, and metrics."""

from typing import Any

import pluggy

hookimpl = pluggy.HookimplMarker("interp")


@hookimpl
def interp_register(registrar: Any) -> None:
    """One renderer per kind of evidence, under the kind's name; metrics."""
    from interp_standard.localize import Localization
    from interp_standard.render import RENDERERS

    for kind, renderer in RENDERERS.items():
        registrar.add("renderer", kind, renderer)
    registrar.add("metric", "localization", Localization)
