"""Captum's adversarial attacks."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from interp.method import Attack
from interp.model import ModelAdapter
from interp_captum.bridge import captum

if TYPE_CHECKING:
    from torch import Tensor

ANY_SLOPE = 0.0
"""Slope from which a pixel is moved. Captum's own 1e-6 spares images that a network is sure of: of
a ResNet-56 on CIFAR-10, a third."""


class Fgsm(Attack):
    """x + eps sign(d CE(f(x), y) / d x), cut to [0, 1]. I. Goodfellow et al. (2015)."""

    def perturb(
        self, model: ModelAdapter, images: Tensor, labels: Tensor, eps: float, steps: int
    ) -> Tensor:
        """The images after one step; `steps` is not used."""
        attack = captum("robust").FGSM(model.forward, _cross_entropy, 0.0, 1.0)
        attack.zero_thresh = ANY_SLOPE
        return _attacked(attack.perturb, images, eps, labels)


class Pgd(Attack):
    """Projected gradient descent: `steps` FGSM steps of 2.5 eps / steps, each projected to eps.

    A. Madry et al. (2018), but begun at the image itself rather than at a random point near it.
    """

    def perturb(
        self, model: ModelAdapter, images: Tensor, labels: Tensor, eps: float, steps: int
    ) -> Tensor:
        """The images after the last step."""
        attack = captum("robust").PGD(model.forward, _cross_entropy, 0.0, 1.0)
        attack.fgsm.zero_thresh = ANY_SLOPE
        return _attacked(attack.perturb, images, eps, 2.5 * eps / steps, steps, labels)


def _cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    from torch.nn.functional import cross_entropy

    return cross_entropy(scores, labels, reduction="none")


def _attacked(perturb: Callable[..., Tensor], images: Tensor, *arguments: object) -> Tensor:
    """The attacked copies, without Captum's warning that it turns their gradients on."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Input Tensor.*did not already require gradients")
        return perturb(images.detach().clone(), *arguments).detach()
