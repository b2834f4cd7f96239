"""A method's answers on the known scenes, measured square by square."""

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
    """A method's explanations of every scene for every class, made when they are asked for."""

    scenes: Sequence[Scene]
    explain: Callable[[bool], Explanation]
    """explain(False) is of the known network, explain(True) of the one that answers by chance."""

    @cached_property
    def known(self) -> Explanation:
        """Of the known network."""
        return self.explain(False)

    @cached_property
    def chance(self) -> Explanation:
        """Of the network that answers by chance."""
        return self.explain(True)

    def contrasts(self, target: str, *colours: str) -> np.ndarray:
        """Contrast of each colour's square in each scene, (scenes, colours)."""
        maps = [spread(self.known.mapped(target, at)) for at in range(len(self.scenes))]
        return np.array(
            [
                [each.contrast(values, colour) for colour in colours]
                for each, values in zip(self.scenes, maps, strict=True)
            ]
        )

    def astray(self, target: str) -> int:
        """In how many scenes the map's peak lies off the square of the target's own colour."""
        peaks = [self.known.map(target, at).argmax() for at in range(len(self.scenes))]
        found = zip(self.scenes, peaks, strict=True)
        return sum(not each.near(target).flat[peak] for each, peak in found)


def spread(evidence: Evidence) -> np.ndarray:
    """The map (H, W) of a piece of evidence as importance per pixel."""
    if isinstance(evidence, Regions):
        area = np.bincount(evidence.labels.ravel() + 1, minlength=len(evidence.importance) + 1)[1:]
        evidence = replace(evidence, importance=evidence.importance / np.maximum(area, 1))
    values = evidence.map()
    assert values is not None, f"{evidence.name} has no map"
    return values
