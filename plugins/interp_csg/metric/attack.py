"""Attacked images: moved a little, so that a network errs."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Literal

from interp.errors import UnsupportedError

if TYPE_CHECKING:
    from torch import Tensor

    from interp.model import ModelAdapter

Attack = Literal["fgsm", "pgd"]


def attack(
    model: ModelAdapter, images: Tensor, labels: Tensor, kind: Attack, eps: float, steps: int
) -> Tensor:
    """Images (B, 3, h, w) in [0, 1] moved by up to eps against their label; Captum's attacks.

    PGD takes `steps` steps of 2.5 eps / steps from the image itself.
    """
    try:
        from captum.robust import FGSM, PGD
    except ImportError as error:
        raise UnsupportedError(
            "attacks need captum, which is not installed: pip install 'interp[captum]'"
        ) from error
    from torch.nn.functional import cross_entropy

    def loss(scores: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(scores, target, reduction="none")

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Input Tensor.*did not already require gradients")
        pixels = images.detach().clone()
        if kind == "fgsm":
            found = FGSM(model.forward, loss, 0.0, 1.0).perturb(pixels, eps, labels)
        else:
            step = 2.5 * eps / steps
            found = PGD(model.forward, loss, 0.0, 1.0).perturb(pixels, eps, step, steps, labels)
    return found.detach()
