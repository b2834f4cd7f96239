"""A method's explanations of the scenes, measured square by square."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from interp.evidence import Evidence, Regions
from interp.explanation import Explanation
from interp.testing.scene import Scene


@dataclass(frozen=True, eq=False)
class SceneAnswers:
    """A method's explanations of every scene for every class, made when first used.

    `explain(by_chance)` explains the known network, or the one that answers by chance.
    """

    scenes: Sequence[Scene]
    explain: Callable[[bool], Explanation]

    @cached_property
    def known(self) -> Explanation:
        """The explanation of the known network."""
        return self.explain(False)

    @cached_property
    def chance(self) -> Explanation:
        """The explanation of the network that answers by chance."""
        return self.explain(True)

    def contrasts(self, target: str, *colours: str) -> np.ndarray:
        """Contrast of each colour's square in each scene, (scenes, colours)."""
        found = []
        for at, scene in enumerate(self.scenes):
            values = spread(self.known.mapped(target, at))
            found.append([scene.contrast(values, colour) for colour in colours])
        return np.array(found)

    def astray(self, target: str) -> int:
        """The number of scenes where the map's peak is off the square of the target's colour."""
        return sum(
            not scene.near(target).flat[self.known.map(target, at).argmax()]
            for at, scene in enumerate(self.scenes)
        )


def spread(evidence: Evidence) -> np.ndarray:
    """The evidence's map as importance per pixel, (H, W); a region's is divided by its area."""
    if isinstance(evidence, Regions):
        area = np.bincount(evidence.labels.ravel() + 1, minlength=len(evidence.importance) + 1)[1:]
        evidence = replace(evidence, importance=evidence.importance / np.maximum(area, 1))
    values = evidence.map()
    assert values is not None, f"{evidence.name} has no map"
    return values
