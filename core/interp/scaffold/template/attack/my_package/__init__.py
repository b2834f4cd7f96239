"""An attack: every pixel moves by eps against the slope of the true class's score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp.method import Attack
from interp.model import ModelAdapter
from interp.target import Target

if TYPE_CHECKING:
    from torch import Tensor


class MyName(Attack):
    """x - eps sign(d score / d x), cut to [0, 1]."""

    def perturb(
        self, model: ModelAdapter, images: Tensor, labels: Tensor, eps: float, steps: int
    ) -> Tensor:
        """The images (B, 3, h, w) after one step; `steps` is not used."""
        names = model.spec.classes
        targets = [Target(label, names[label]) for label in labels.tolist()]
        slope = model.gradient(images, targets)
        return (images - eps * slope.sign()).clamp(0, 1)
