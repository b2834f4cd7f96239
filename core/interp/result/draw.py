"""Evidence as pictures, and the maps that stand for an explanation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from interp.errors import UnsupportedError, blamed
from interp.evidence import Evidence
from interp.explanation import Explanation
from interp.method import Style
from interp.registry import Registry
from interp.storage.folder import slug

STRONGEST = 0.5
"""Percent of a map's pixels that are drawn in full colour. A scale that ended at the single
largest pixel would leave a noisy map blank."""


def draw(registry: Registry, explanation: Explanation, style: Style) -> dict[str, np.ndarray]:
    """Every piece of evidence as a picture (h, w, 3) uint8 RGB, by file name."""
    pictures: dict[str, np.ndarray] = {}
    for index, each in enumerate(explanation.evidence):
        image = None if each.image is None else explanation.images[each.image]
        words = [f"{index:02d}", each.name, each.target or ""]
        if len(explanation.images) > 1 and each.image is not None:
            words.append(f"image{each.image}")
        name = f"{slug(' '.join(words))}.png"
        pictures[name] = draw_evidence(registry, each, image, style)
    return pictures


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
