"""Parts that methods share: perturbations, weightings, solvers, renderers, metrics."""

from typing import Any

import pluggy

hookimpl = pluggy.HookimplMarker("interp")


@hookimpl
def interp_register(registrar: Any) -> None:
    """Everything under the names that registry.yaml declares."""
    from interp_standard.baseline import BASELINES
    from interp_standard.gradcam import GradCam
    from interp_standard.metric import METRICS
    from interp_standard.perturbation import PERTURBATIONS
    from interp_standard.render import RENDERERS
    from interp_standard.solver import SOLVERS
    from interp_standard.weighting import WEIGHTINGS

    for kind, objects in (
        ("perturbation", PERTURBATIONS),
        ("weighting", WEIGHTINGS),
        ("solver", SOLVERS),
        ("metric", METRICS),
        ("method", BASELINES),
    ):
        for name, each in objects.items():
            registrar.add(kind, name, each)
    for kind, renderer in RENDERERS.items():
        registrar.add("renderer", kind, renderer)
    registrar.add("method", "gradcam", GradCam)
