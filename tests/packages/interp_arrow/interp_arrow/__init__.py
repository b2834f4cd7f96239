"""Evidence of a new kind, an arrow; its renderer, and a method that finds one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from PIL import Image, ImageDraw

from interp.context import Context
from interp.errors import InputError
from interp.evidence import Evidence
from interp.explanation import Explanation
from interp.method import PerImageMethod, Renderer, Style
from interp.model import ModelAdapter
from interp.target import Target


@dataclass(frozen=True, eq=False, kw_only=True)
class Arrow(Evidence):
    """Start and end (2, 2) as (y, x) in shares of the image's height and width."""

    kind: ClassVar[str] = "arrow"
    ends: np.ndarray

    def check(self) -> None:
        """Raise InputError unless there are two ends."""
        super().check()
        if self.ends.shape != (2, 2):
            raise InputError(f"found ends {self.ends.shape}; expected (2, 2)")


class ArrowRenderer(Renderer):
    """The image with a line and a disc at its end."""

    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        """A picture `style.width` pixels wide; on white where there is no image."""
        if not isinstance(evidence, Arrow):
            raise TypeError(f"found evidence of kind {evidence.kind}; expected an arrow")
        ground = np.full((90, 120, 3), 255, np.uint8) if image is None else image
        height = round(ground.shape[0] * style.width / ground.shape[1])
        picture = Image.fromarray(ground).resize((style.width, height))
        pen = ImageDraw.Draw(picture)
        (y, x), (v, u) = evidence.ends * (height, style.width)
        pen.line((x, y, u, v), fill="red", width=3)
        pen.ellipse((u - 5, v - 5, u + 5, v + 5), fill="red")
        return np.asarray(picture)


class Towards(PerImageMethod):
    """From the centre to the mean place of the four quarters, weighted by their falls."""

    def explain_image(
        self, model: ModelAdapter, image: np.ndarray, targets: Sequence[Target], context: Context
    ) -> Explanation:
        """One arrow for each target."""
        pixels, _ = model.prepare(image)
        _, height, width = pixels.shape
        whole = model.probabilities(model.predict(pixels[None]))[0]
        places, falls = [], []
        for row, column in np.ndindex(2, 2):
            context.out_of_time()
            painted = pixels.clone()
            down, across = height * row // 2, width * column // 2
            painted[:, down : down + height // 2, across : across + width // 2] = 0.5
            falls.append((whole - model.probabilities(model.predict(painted[None]))[0]).cpu())
            places.append((0.25 + 0.5 * row, 0.25 + 0.5 * column))
        evidence = []
        for target in targets:
            weight = np.maximum([float(each[target.index]) for each in falls], 1e-9)
            end = weight @ np.array(places) / weight.sum()
            ends = np.stack([(0.5, 0.5), end])
            evidence.append(Arrow(name="towards", target=target.name, ends=ends))
        return Explanation(tuple(evidence))
