"""Evidence as pictures, and the maps that stand for an explanation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from interp.errors import UnsupportedError, blamed
from interp.evidence import Evidence, Outline, Tile
from interp.explanation import Explanation
from interp.method import Style
from interp.registry import Registry
from interp.result.peak import peak
from interp.storage.folder import slug

STRONGEST = 0.5
"""Percent of a map's pixels that are drawn in full colour. A scale that ended at the single
largest pixel would leave a noisy map blank."""
WIDTHS = 250
"""How many times the line of an outline fits into the image's longer side."""


def draw(registry: Registry, explanation: Explanation, style: Style) -> dict[str, np.ndarray]:
    """Every piece of evidence as a picture (h, w, 3) uint8 RGB, by file name."""
    pictures: dict[str, np.ndarray] = {}
    styles = Styles(explanation, style)
    for index, each in enumerate(explanation.evidence):
        image = image_of(explanation, each)
        words = [f"{index:02d}", each.name, each.target or ""]
        if len(explanation.images) > 1 and each.image is not None:
            words.append(f"image{each.image}")
        name = f"{slug(' '.join(words))}.png"
        pictures[name] = draw_evidence(registry, each, image, styles.of(each))
    return pictures


@dataclass(frozen=True)
class Styles:
    """The style of each piece of an explanation's evidence.

    Maps that stand for the explanation share one scale over its targets and images, so that they
    look alike wherever they are drawn.
    """

    explanation: Explanation
    style: Style

    def of(self, evidence: Evidence) -> Style:
        """The style of a piece."""
        shared = any(each is evidence for each in self._mapped)
        return replace(self.style, scale=self._scale) if shared else self.style

    @cached_property
    def _mapped(self) -> list[Evidence]:
        made = self.explanation.provenance
        targets = () if made is None else made.targets
        images = range(max(1, len(self.explanation.images)))
        return [
            each for at in images for each in maps_by_target(self.explanation, targets, at).values()
        ]

    @cached_property
    def _scale(self) -> float | None:
        return self.style.scale or colour_limit(self._mapped) or None


def image_of(explanation: Explanation, evidence: Evidence) -> np.ndarray | None:
    """The image that a piece of evidence is about, outlined; None where it is about none."""
    if evidence.image is None:
        return None
    image = explanation.images[evidence.image]
    return outlined(image, explanation, evidence.target, evidence.image)


def outlined(
    image: np.ndarray, explanation: Explanation, target: str | None, number: int = 0
) -> np.ndarray:
    """Image `number` of an explanation with a line around where the target's score belongs.

    Unchanged where that is nowhere in particular.
    """
    for each in explanation.evidence:
        if isinstance(each, Outline) and (each.target, each.image) == (target, number):
            return draw_outline(image, each)
    return image


def photo(image: np.ndarray, width: int) -> np.ndarray:
    """The image (H, W, 3) uint8 in its own colours at a width in pixels, (h, width, 3)."""
    import cv2

    method = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_LINEAR
    size = (width, max(1, round(image.shape[0] * width / image.shape[1])))
    return np.asarray(cv2.resize(image, size, interpolation=method))


def draw_outline(image: np.ndarray, outline: Outline) -> np.ndarray:
    """The image (H, W, 3) uint8 with the outline as a white line in a black one."""
    import cv2

    drawn = np.ascontiguousarray(image).copy()
    width = max(1, round(max(image.shape[:2]) / WIDTHS))
    if outline.mask is None:
        x0, y0, x1, y1 = outline.box.round().astype(int)
        contours = [np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.int32)[:, None]]
    else:
        mask = outline.mask.astype(np.uint8)
        contours = list(cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0])
    for colour, thick in (((0, 0, 0), 3 * width), ((255, 255, 255), width)):
        cv2.drawContours(drawn, contours, -1, colour, thick)
    return drawn


def draw_evidence(
    registry: Registry, evidence: Evidence, image: np.ndarray | None, style: Style | None = None
) -> np.ndarray:
    """A piece of evidence, (h, w, 3) uint8 RGB, by the renderer registered for its kind.

    Raises PluginError where the renderer fails.
    """
    renderer = registry.renderer(evidence.kind)
    with blamed(f"renderer of {evidence.kind}"):
        picture: np.ndarray = renderer.render(evidence, image, style or Style())
    return picture


def maps_by_target(
    explanation: Explanation, targets: Sequence[str], image: int = 0
) -> dict[str, Evidence]:
    """The evidence whose map stands for each target; targets without a map are left out."""
    found = {}
    for target in targets:
        try:
            found[target] = explanation.mapped(target, image)
        except UnsupportedError:
            continue
    return found


def colour_limit(evidence: Iterable[Evidence]) -> float:
    """The |value| from which on these maps are drawn in full colour; 0 without any map."""
    maps = (each.map() for each in evidence)
    sizes = (np.abs(each) for each in maps if each is not None and each.size)
    limits = (float(np.percentile(each, 100 - STRONGEST)) or float(each.max()) for each in sizes)
    return max(limits, default=0.0)


def map_tile(values: np.ndarray, limit: float) -> Tile:
    """A map (H, W) as a tile with its peak; |value| `limit` takes full colour."""
    share = np.clip(values / limit if limit > 0 else 0 * values, -1, 1)
    return Tile(name="tile", values=share.astype(np.float32), peak=peak(values))
