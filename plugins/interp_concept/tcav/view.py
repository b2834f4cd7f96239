"""What TCAV shows of one image: which concepts its class is sensitive to here, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from interp.context import Context
from interp.cut import Cut, Frontier
from interp.evidence import Concepts, Evidence, Gallery, Table
from interp.explanation import Explanation
from interp.method import ImageView
from interp.target import Target
from interp_concept.crop import sheet
from interp_concept.slopes import channel_slopes
from interp_concept.tcav.knowledge import TcavKnowledge
from interp_concept.tcav.params import TcavParams
from interp_concept.tcav.sensitivity import Sensitivity, sensitivities

UNIT = "score per step from counter-examples to the concept"


@dataclass(frozen=True, eq=False)
class TcavView(ImageView):
    """One image explained with the directions of concepts."""

    learned: TcavKnowledge
    params: TcavParams
    context: Context = field(kw_only=True)

    def to_explanation(self, targets: Sequence[Target]) -> Explanation:
        """Evidence for every target."""
        slopes = channel_slopes(
            self._cut, self._frontier, targets, self.params.output, self.context
        )  # (C, T)
        return Explanation(
            tuple(
                each
                for target, column in zip(targets, slopes.T, strict=True)
                for each in self._evidence(target, sensitivities(self.learned, column[None]))
            )
        )

    def _evidence(self, target: Target, found: list[Sensitivity]) -> Iterator[Evidence]:
        about: dict[str, Any] = {"target": target.name, "image": self.index}
        about["layer"] = self.learned.layer
        values = np.array([each.derivative for each in found])
        best = np.argsort(-values, kind="stable")
        shown = np.argsort(-np.abs(values), kind="stable")[: self.params.shown]
        yield Concepts(
            name="concepts",
            maps=np.stack([self._map(at) for at in shown]),
            importance=values[shown],
            standard_error=np.array([found[at].derivative_spread for at in shown]),
            names=[self.learned.concepts[at] for at in shown],
            signed=True,
            unit=UNIT,
            **about,
        )
        yield Table(
            name="sensitivity", columns=COLUMNS, rows=list(self._rows(best, found)), **about
        )
        yield Gallery(
            name="images of each concept",
            pictures=np.stack([sheet(self.learned.tiles[at]) for at in shown]),
            captions=[self.learned.concepts[at] for at in shown],
            **about,
        )

    def _rows(self, order: np.ndarray, found: list[Sensitivity]) -> Iterator[list[object]]:
        for at in order:
            each, accuracy = found[at], self.learned.cavs[at].halves.accuracy.mean()
            numbers = (each.derivative, each.derivative_spread, each.p, each.corrected, accuracy)
            rounded = [float(f"{number:.4g}") for number in numbers]
            yield [self.learned.concepts[at], *rounded, "yes" if each.significant else "no"]

    def _map(self, concept: int) -> np.ndarray:
        """Where each cell lies between counter-examples and the concept, (H, W)."""
        cav = self.learned.cavs[concept]
        maps = self._frontier.activation[0].double().cpu().numpy()
        return self.place(cav.project(maps), self.learned.layer)

    @cached_property
    def _cut(self) -> Cut:
        return self.model.cut(self.learned.layer)

    @cached_property
    def _frontier(self) -> Frontier:
        return self._cut.prefix(self.pixels)


COLUMNS = ["concept", "derivative", "±", "p", "corrected p", "accuracy", "significant"]
