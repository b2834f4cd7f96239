"""Parts that methods share: renderers for every kind of evidence."""

from typing import Any

import pluggy

hookimpl = pluggy.HookimplMarker("interp")


@hookimpl
def interp_register(registrar: Any) -> None:
    """One renderer per kind of evidence, under the kind's name."""
    from interp_standard.render import RENDERERS

    for kind, renderer in RENDERERS.items():
        registrar.add("renderer", kind, renderer)
