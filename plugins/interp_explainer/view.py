"""What an explainer shows of one image: parts, where they are, and what the target owes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from interp.evidence import ChannelImportance, Evidence, Gallery, Heatmap, PartMaps, Table
from interp.explanation import Explanation
from interp_explainer.contribution import leave_out
from interp_explainer.course import relative_error
from interp_explainer.picture import outline, tiled
from interp_explainer.place import peak_points, pixels, to_original

if TYPE_CHECKING:
    from torch import Tensor

    from interp.model import ModelAdapter
    from interp.network.placement import Placement
    from interp.target import Target
    from interp_explainer.known import Known
    from interp_explainer.network import Rebuilt

POOR = 0.5
"""Relative squared error of the last goal from which a note warns."""
CLASSES = 5
"""Classes in the table of scores."""
TINY = 1e-30


@dataclass(frozen=True, eq=False)
class View:
    """One image (H, W, 3) uint8 seen with an explainer; `shown` filters are drawn."""

    known: Known
    image: np.ndarray
    at: int
    shown: int

    def tell(self, targets: Sequence[Target]) -> Explanation:
        """Evidence for every target."""
        evidence = [each for target in targets for each in self._evidence(target)]
        last, far = self.known.structure.goals[-1].layer, self._errors[-1]
        note = (
            f"image {self.at}: {last} is rebuilt with a relative error of {far:.2f}; "
            "trust what is said of its parts as little"
        )
        told = (*evidence, self._rebuilt(), self._classes(targets))
        return Explanation(told, notes=(note,) if far > POOR else ())

    def contributions(self, target: Target) -> np.ndarray:
        """What each filter gives to the target's score through the decoder, (C,)."""
        scores = target.select(self._model.probabilities(self._raw, "logit"))
        found: np.ndarray = (scores[0] - scores[1:]).cpu().numpy()
        return found

    def _evidence(self, target: Target) -> Iterator[Evidence]:
        given = self.contributions(target)
        about: dict[str, Any] = {
            "target": target.name,
            "image": self.at,
            "layer": self.known.structure.layer,
        }
        yield Heatmap(name="parts", values=self._heat(given), unit="score per cell", **about)
        yield ChannelImportance(name="contributions", values=given, word="filter", **about)
        best = np.argsort(-given, kind="stable")[: self.shown]
        yield self._drawn(best, about)
        yield self._compared(best, about)

    def _heat(self, given: np.ndarray) -> np.ndarray:
        """Each filter's contribution spread over its part, (H, W)."""
        total = self._parts.sum((1, 2), keepdims=True)
        shares = self._parts / np.maximum(total, TINY)
        return self._placed(np.tensordot(given, shares, 1))

    def _drawn(self, chosen: np.ndarray, about: dict[str, Any]) -> PartMaps:
        """Some filters' part maps with their peaks, in the original image."""
        layer, placement = self._model.layer(self.known.structure.layer), self._prepared[1]
        points = peak_points(self._parts[chosen], layer, placement.size)
        return PartMaps(
            name="part maps",
            maps=np.stack([self._placed(self._parts[each]) for each in chosen]),
            peaks=pixels(to_original(points, placement), self.image.shape),
            filters=[int(each) for each in chosen],
            **about,
        )

    def _compared(self, chosen: np.ndarray, about: dict[str, Any]) -> Gallery:
        """Where some filters look, each above the network's own channel that is most like it."""
        partners = self._partners(chosen)
        maps = [(self._parts[k], self._maps[c]) for k, c in zip(chosen, partners, strict=True)]
        return Gallery(
            name="part filters above channels of the network",
            pictures=np.stack([tiled([self._region(each) for each in pair], 1) for pair in maps]),
            captions=[f"filter {k}, channel {c}" for k, c in zip(chosen, partners, strict=True)],
            **about,
        )

    def _region(self, cells: np.ndarray) -> np.ndarray:
        """The image with the part of it outlined where a map is above half its largest."""
        placed = self._placed(cells)
        return outline(self.image, placed, float(placed.max()) / 2)

    def _partners(self, chosen: np.ndarray) -> np.ndarray:
        """For each filter the performer's channel whose map is most like its part map (cosine)."""
        parts, maps = (_unit(each.reshape(len(each), -1)) for each in (self._parts, self._maps))
        found: np.ndarray = (parts[chosen] @ maps.T).argmax(1)
        return found

    def _rebuilt(self) -> Table:
        """How well this image's features are rebuilt, and p."""
        goals = self.known.structure.goals
        rows: list[list[object]] = [
            [goal.layer, round(far, 4)] for goal, far in zip(goals, self._errors, strict=True)
        ]
        rows.append(["p, the parts' share", round(self.known.network.share, 4)])
        return Table(
            name="rebuilt", image=self.at, columns=["layer", "relative squared error"], rows=rows
        )

    def _classes(self, targets: Sequence[Target]) -> Table:
        """Probabilities of the network itself, and through the rebuilt features."""
        own = self._model.predict(self._prepared[0][None])
        both = self._model.probabilities(torch.cat([own, self._raw[:1]]))
        before, after = both.cpu().numpy()
        top = np.argsort(-before, kind="stable")[:CLASSES].tolist()
        shown = list(dict.fromkeys([*(target.index for target in targets), *top]))
        names = self._model.spec.classes
        return Table(
            name="classes",
            image=self.at,
            columns=["class", "probability", "through the explainer"],
            rows=[[names[c], round(float(before[c]), 4), round(float(after[c]), 4)] for c in shown],
        )

    @property
    def _model(self) -> ModelAdapter:
        return self.known.performer.model

    @cached_property
    def _errors(self) -> list[float]:
        """Each goal's relative squared error on this image."""
        _, goals, answer = self._seen
        return [float(relative_error(*pair)) for pair in zip(answer.goals, goals, strict=True)]

    @cached_property
    def _raw(self) -> Tensor:
        """Raw scores with every filter, then without each, (1 + C, K)."""
        return leave_out(self.known, self._prepared[0], self._seen[2])

    @cached_property
    def _parts(self) -> np.ndarray:
        """The part maps (C, h, w)."""
        found: np.ndarray = self._seen[2].encoded.parts[0].cpu().numpy()
        return found

    @cached_property
    def _maps(self) -> np.ndarray:
        """The performer's maps (D, h, w)."""
        found: np.ndarray = self._seen[0][0].cpu().numpy()
        return found

    @cached_property
    def _seen(self) -> tuple[Tensor, tuple[Tensor, ...], Rebuilt]:
        return self.known.look(self._prepared[0][None])

    @cached_property
    def _prepared(self) -> tuple[Tensor, Placement]:
        return self._model.prepare(self.image)

    def _placed(self, cells: np.ndarray) -> np.ndarray:
        placement = self._prepared[1]
        field = self._model.layer(self.known.structure.layer).field
        return placement.to_image(placement.grid_to_input(cells.astype(np.float32), field))


def _unit(rows: np.ndarray) -> np.ndarray:
    found: np.ndarray = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), TINY)
    return found
