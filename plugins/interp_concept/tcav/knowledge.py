"""TCAV's knowledge of a model: the concept images' activations at a layer, and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from interp.errors import InputError
from interp.knowledge import Knowledge, find_knowledge
from interp.model import ModelAdapter
from interp_concept.cav import Cav
from interp_concept.tcav.params import TcavParams
from interp_concept.tcav.sample import OTHERS

LEAST = 2
"""Images of a concept, and counter-examples: one to learn from, one to check with."""
SHIPPED = Path(__file__).with_name("knowledge")
"""Knowledge of the networks that come with the project, one folder each."""


@dataclass(frozen=True, eq=False)
class TcavKnowledge:
    """Mean activations (N, C) of images, the concept that each shows (N,), -1 for none of them.

    tiles (K, E, s, s, 3) uint8 are pictures of the K concepts; directions follow from the
    parameters of the run.
    """

    layer: str
    concepts: tuple[str, ...]
    values: np.ndarray
    labels: np.ndarray
    tiles: np.ndarray
    params: TcavParams
    seed: int

    @classmethod
    def find(
        cls, model: ModelAdapter, knowledge: Knowledge | None, params: TcavParams, seed: int = 0
    ) -> TcavKnowledge:
        """The concepts in `knowledge`, or else shipped; InputError where there is neither."""
        found = find_knowledge("tcav", model, sorted(SHIPPED.glob("*")), knowledge)
        if found is None:
            raise InputError(
                f"{model.spec.name} was shown no concepts; show it some first, a folder of "
                "images each: interp fit --plugin tcav --model MODEL --data DIR --out K; then "
                "--knowledge K"
            )
        about, arrays = found.about, found.arrays
        with found.as_saved():
            return cls(
                layer=about["layer"],
                concepts=tuple(about["concepts"]),
                values=arrays["values"],
                labels=arrays["labels"],
                tiles=arrays["tiles"],
                params=params,
                seed=seed,
            )

    @cached_property
    def cavs(self) -> tuple[Cav, ...]:
        """Each concept's direction, with splits and random concepts."""
        chosen = self.params.ridge, self.params.splits, self.params.permutations, self.seed
        return tuple(
            Cav(self.values[self.labels == at], self._others(at), *chosen)
            for at in range(len(self.concepts))
        )

    @property
    def directions(self) -> np.ndarray:
        """The concepts' directions (K, C) from all images."""
        return np.stack([each.direction for each in self.cavs])

    def corrected(self, p: float) -> float:
        """A p-value corrected for the number of concepts that are tested."""
        count = len(self.concepts) if self.params.correction == "bonferroni" else 1
        return min(1.0, p * count)

    def _others(self, concept: int) -> np.ndarray:
        """The counter-examples to a concept: those given as such, or else the other concepts'."""
        given = self.labels < 0
        taken = given.any() and self.params.counter != OTHERS
        rows = self.values[given if taken else (self.labels != concept) & ~given]
        if len(rows) < LEAST:
            raise InputError(
                f"found {len(rows)} counter-examples to {self.concepts[concept]}; expected {LEAST} "
                f"or more; show another concept, or leave out --counter {OTHERS}"
            )
        return rows
