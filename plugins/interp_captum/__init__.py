"""Captum's methods as plugins: the baselines that others are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp.hookspecs import hookimpl

if TYPE_CHECKING:
    from interp.plugins import Registrar


@hookimpl
def interp_register(registrar: Registrar) -> None:
    """The methods; Captum itself is imported when one of them explains."""
    from interp_captum.gradcam import GradCam
    from interp_captum.integrated import IntegratedGradients
    from interp_captum.layer_ablation import LayerAblation
    from interp_captum.occlusion import Occlusion

    registrar.add("method", "gradcam", GradCam)
    registrar.add("method", "layer-ablation", LayerAblation)
    registrar.add("method", "integrated-gradients", IntegratedGradients)
    registrar.add("method", "captum-occlusion", Occlusion)
