"""Captum's attacks on a model's answer."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from interp.method import Attack
from interp_captum.bridge import captum

if TYPE_CHECKING:
    from torch import Tensor

    from interp.model import ModelAdapter

ANY = 0.0
"""Captum leaves pixels alone whose slope is below 1e-6, which spares images that a network is sure
of: of a ResNet-56 on CIFAR-10, a third.
"""


class Fgsm(Attack):
    """x + eps sign(d CE(f(x), y) / d x), cut to [0, 1]. I. Goodfellow et al. (2015)."""

    def perturb(
        self, model: ModelAdapter, images: Tensor, labels: Tensor, eps: float, steps: int
    ) -> Tensor:
        """One step, whatever `steps` says."""
        attack = captum("robust").FGSM(model.forward, _entropy, 0.0, 1.0)
        attack.zero_thresh = ANY
        return _moved(attack.perturb, images, eps, labels)


class Pgd(Attack):
    """FGSM's step, by 2.5 eps / steps, and back to within eps of the image: `steps` times.

    A. Madry et al. (2018). It begins at the image itself.
    """

    def perturb(
        self, model: ModelAdapter, images: Tensor, labels: Tensor, eps: float, steps: int
    ) -> Tensor:
        """Where the last step leads."""
        attack = captum("robust").PGD(model.forward, _entropy, 0.0, 1.0)
        attack.fgsm.zero_thresh = ANY
        return _moved(attack.perturb, images, eps, 2.5 * eps / steps, steps, labels)


def _entropy(scores: Tensor, labels: Tensor) -> Tensor:
    from torch.nn.functional import cross_entropy

    return cross_entropy(scores, labels, reduction="none")


def _moved(perturb: Callable[..., Tensor], images: Tensor, *arguments: object) -> Tensor:
    """What Captum makes of a copy, of which it asks gradients and says so."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Input Tensor.*did not already require gradients")
        return perturb(images.detach().clone(), *arguments).detach()
