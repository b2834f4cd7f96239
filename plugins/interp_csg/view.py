"""What CSG shows of one image: where a class's own filters look, and what is lost without them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.errors import InputError
from interp.evidence import ChannelImportance, Evidence, Heatmap, Matrix, PartMaps, Table
from interp.explanation import Explanation
from interp_csg.switching import switched

if TYPE_CHECKING:
    from torch import Tensor

    from interp.model import ModelAdapter
    from interp.network.placement import Placement
    from interp.target import Target
    from interp_csg.known import Known
    from interp_csg.params import CsgParams


@dataclass(frozen=True, eq=False)
class View:
    """One image (H, W, 3) uint8 seen by a model whose filters belong to classes."""

    model: ModelAdapter
    image: np.ndarray
    at: int
    known: Known
    params: CsgParams

    def tell(self, targets: Sequence[Target]) -> Explanation:
        """Evidence for every target."""
        evidence = [each for target in targets for each in self._evidence(target)]
        notes = [
            f"no filter belongs to {target.name}: no gate of it reaches {self.params.own}"
            for target in targets
            if not len(self._own(target))
        ]
        return Explanation(tuple(evidence), notes=tuple(notes))

    def map(self, weights: np.ndarray) -> np.ndarray:
        """sum_k w_k A_k in the original image's coordinates, (H, W)."""
        return self._placed(np.tensordot(weights, self._maps, 1))

    def _evidence(self, target: Target) -> Iterator[Evidence]:
        own, weights = self._own(target), self._weights(target)
        kept = np.zeros_like(weights)
        kept[own] = weights[own]
        about: dict[str, Any] = {
            "target": target.name,
            "image": self.at,
            "layer": self.known.layer,
        }
        unit = "score per cell"
        yield Heatmap(name="class filters", values=self.map(kept), unit=unit, **about)
        yield Heatmap(name="all filters", values=self.map(weights), unit=unit, **about)
        features = self._maps.mean((1, 2))
        yield ChannelImportance(name="contributions", values=weights * features, **about)
        if len(own):
            yield self._parts(own, weights * features, about)
        yield self._without(target, own, features)

    def _parts(self, own: np.ndarray, contribution: np.ndarray, about: dict[str, Any]) -> PartMaps:
        """Where the class's own filters are excited, those that give most first."""
        best = own[np.argsort(-contribution[own], kind="stable")][: self.params.filters]
        maps = np.stack([self._placed(self._maps[each]) for each in best])
        peaks = [np.unravel_index(each.argmax(), each.shape) for each in maps]
        return PartMaps(
            name="own filters",
            maps=maps,
            peaks=np.array(peaks, np.int64),
            filters=[int(each) for each in best],
            **about,
        )

    def _without(self, target: Target, own: np.ndarray, features: np.ndarray) -> Table:
        """The image's classes with all filters, and without the target's own."""
        raw = np.stack(
            [self.known.scores(features[None])[0], self.known.scores(features[None], own)[0]]
        )
        chances = self.model.probabilities(self.model.to_device(raw.astype(np.float32)))
        before, after = chances.cpu().numpy()
        shown = list(
            dict.fromkeys([target.index, *np.argsort(-before, kind="stable")[:5].tolist()])
        )
        return Table(
            name="filters switched off",
            target=target.name,
            image=self.at,
            columns=["class", "probability", f"without the {len(own)} filters of {target.name}"],
            rows=[
                [self.known.classes[c], round(float(before[c]), 4), round(float(after[c]), 4)]
                for c in shown
            ],
        )

    def _own(self, target: Target) -> np.ndarray:
        """Filters of the class; of a difference, those of either."""
        found = [self.known.filters(target.index, self.params.own)]
        if target.against is not None:
            found.append(self.known.filters(target.against, self.params.own))
        return np.unique(np.concatenate(found))

    def _weights(self, target: Target) -> np.ndarray:
        """The head's weights (K,) of a class or of a difference."""
        weights = self.known.weight
        against = 0 if target.against is None else weights[target.against]
        found: np.ndarray = weights[target.index] - against
        return found

    def _placed(self, cells: np.ndarray) -> np.ndarray:
        field = self.model.layer(self.known.layer).field
        over = self._prepared[1].grid_to_input(cells.astype(np.float32), field)
        return self._prepared[1].to_image(over)

    @cached_property
    def _prepared(self) -> tuple[Tensor, Placement]:
        return self.model.prepare(self.image)

    @cached_property
    def _maps(self) -> np.ndarray:
        """A (K, h, w)."""
        layer = self.known.layer
        if layer not in {each.name for each in self.model.layers()}:
            raise InputError(
                f"{self.model.spec.name} has no layer {layer}, whose filters belong to classes; "
                "open the folder that fit wrote"
            )
        maps = self.model.activations(self._prepared[0][None], [layer])[layer][0]
        found: np.ndarray = maps.float().cpu().numpy()
        return found


def gate_matrix(known: Known) -> Matrix:
    """G with filters grouped by class."""
    order = known.grouped()
    assert known.gates is not None  # noqa: S101 - grouped has looked
    return Matrix(
        name="gates",
        layer=known.layer,
        values=known.gates[:, order],
        rows=list(known.classes),
        columns=[str(each) for each in order],
        signed=False,
    )


def confusions(known: Known, label: int, own: float) -> Iterator[Matrix]:
    """On the images held out of training: what is called what, with a class's filters and without.

    Rows are the true classes.
    """
    names, off = list(known.classes), known.filters(label, own)
    both = switched(known, known.features, known.labels, off)
    for title, values in zip(("all filters", "its filters off"), both, strict=True):
        yield Matrix(
            name=f"confusion, {title}", values=values, rows=names, columns=names, signed=False
        )
