"""Evidence as pictures, by the renderers registered for its kinds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from interp.errors import UnsupportedError, blamed
from interp.evidence import Evidence
from interp.explanation import Explanation
from interp.method import Style
from interp.registry import Registry
from interp.storage.folder import slug


def draw(registry: Registry, explanation: Explanation, style: Style) -> dict[str, np.ndarray]:
    """Every piece of evidence as a picture (h, w, 3) uint8 RGB, by file name."""
    pictures: dict[str, np.ndarray] = {}
    for index, each in enumerate(explanation.evidence):
        renderer = registry.renderer(each.kind)
        image = None if each.image is None else explanation.images[each.image]
        words = [f"{index:02d}", each.name, each.target or ""]
        if len(explanation.images) > 1 and each.image is not None:
            words.append(f"image{each.image}")
        with blamed(f"renderer of {each.kind}"):
            pictures[f"{slug(' '.join(words))}.png"] = renderer.render(each, image, style)
    return pictures


STRONGEST = 0.5
"""Percent of a map's pixels that take the full colour. With the single largest one as its end, a
map of noisy pixels would be blank."""


def shown(found: Explanation, targets: Sequence[str], image: int = 0) -> dict[str, Evidence]:
    """The evidence that stands for each target; those without a map are left out."""
    standing = {}
    for target in targets:
        try:
            standing[target] = found.mapped(target, image)
        except UnsupportedError:
            continue
    return standing


def full_colour(evidence: Iterable[Evidence]) -> float:
    """The |value| from which on these maps are drawn in full colour."""
    return max((_strong(each.map()) for each in evidence), default=0.0)


def _strong(values: np.ndarray | None) -> float:
    if values is None or not values.size:
        return 0.0
    size = np.abs(values)
    return float(np.percentile(size, 100 - STRONGEST)) or float(size.max())
