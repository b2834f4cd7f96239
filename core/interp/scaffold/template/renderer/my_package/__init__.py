"""Evidence of a new kind, points on the image; its renderer, and a method that finds some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from interp.context import Context
from interp.errors import InputError
from interp.evidence import Evidence
from interp.explanation import Explanation
from interp.method import PerImageMethod, Renderer, Style
from interp.model import ModelAdapter
from interp.spec import Capability
from interp.target import Target
from PIL import Image, ImageDraw


@dataclass(frozen=True, eq=False, kw_only=True)
class MyName(Evidence):
    """Points (P, 2) as (y, x) in pixels of the image, the most important first."""

    kind: ClassVar[str] = "my-name"
    points: np.ndarray

    def check(self) -> None:
        """Raise InputError unless there are points (P, 2)."""
        super().check()
        if self.points.ndim != 2 or self.points.shape[1] != 2:
            raise InputError(f"found points {self.points.shape}; expected (P, 2)")


class MyNameRenderer(Renderer):
    """Rings around the points, the most important one the largest."""

    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        """The image `style.width` pixels wide, with the rings; on white where there is none."""
        if not isinstance(evidence, MyName):
            raise TypeError(f"found evidence of kind {evidence.kind}; expected points")
        ground = np.full((240, 320, 3), 255, np.uint8) if image is None else image
        scale = style.width / ground.shape[1]
        picture = Image.fromarray(ground).resize((style.width, round(ground.shape[0] * scale)))
        pen = ImageDraw.Draw(picture)
        for rank, (y, x) in enumerate(evidence.points * scale):
            radius = 12 / (1 + rank) + 2
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline="red", width=2)
        pen.text((4, 4), evidence.target or evidence.name, fill="red")
        return np.asarray(picture)


class MyNameMethod(PerImageMethod):
    """The three pixels with the steepest score, |d score / d pixel| summed over the colours."""

    needs = frozenset({Capability.PREDICT, Capability.GRADIENTS})

    def explain_image(
        self, model: ModelAdapter, image: np.ndarray, targets: Sequence[Target], context: Context
    ) -> Explanation:
        """Three points for each target."""
        pixels, placement = model.prepare(image)
        evidence = []
        for target in targets:
            slope = model.gradient(pixels[None], [target])[0].abs().sum(0)  # (h, w)
            values = placement.to_image(slope.cpu().numpy())  # (H, W)
            first = np.argsort(values, axis=None, kind="stable")[::-1][:3]
            at = np.stack(np.unravel_index(first, values.shape), 1)
            evidence.append(MyName(name="top", target=target.name, points=at))
        return Explanation(tuple(evidence))
