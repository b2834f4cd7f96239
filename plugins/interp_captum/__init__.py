"""Captum's methods as plugins: the baselines that others are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp.hookspecs import hookimpl

if TYPE_CHECKING:
    from interp.registry.loading import Registrar


@hookimpl
def interp_register(registrar: Registrar) -> None:
    """The methods and attacks; Captum itself is imported when one of them is used."""
    from interp_captum.attack import ATTACKS
    from interp_captum.deeplift import DeepLift
    from interp_captum.guided import GuidedBackprop, GuidedGradCam
    from interp_captum.integrated_gradients import IntegratedGradients
    from interp_captum.layer import LayerAblation, LayerConductance
    from interp_captum.occlusion import Occlusion
    from interp_captum.saliency import Saliency
    from interp_captum.smoothgrad import SmoothGrad

    registrar.add("method", "saliency", Saliency)
    registrar.add("method", "smoothgrad", SmoothGrad)
    registrar.add("method", "guided-backprop", GuidedBackprop)
    registrar.add("method", "guided-gradcam", GuidedGradCam)
    registrar.add("method", "deeplift", DeepLift)
    registrar.add("method", "layer-conductance", LayerConductance)
    registrar.add("method", "layer-ablation", LayerAblation)
    registrar.add("method", "integrated-gradients", IntegratedGradients)
    registrar.add("method", "captum-occlusion", Occlusion)
    for name, attack in ATTACKS.items():
        registrar.add("attack", name, attack)
