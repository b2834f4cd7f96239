"""CSG on one image: where the own filters of a class look, and what is lost without them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from interp.errors import InputError
from interp.evidence import ChannelImportance, Evidence, Heatmap, Matrix, Table
from interp.explanation import Explanation
from interp.method import ImageView
from interp.target import Target
from interp_csg.knowledge import CsgKnowledge
from interp_csg.params import CsgParams
from interp_csg.switching import switched


class View(ImageView):
    """One image seen by a model whose filters belong to classes."""

    learned: CsgKnowledge
    params: CsgParams

    def to_explanation(self, targets: Sequence[Target]) -> Explanation:
        """Evidence for every target; a note for one to which no filter belongs."""
        evidence = [each for target in targets for each in self._evidence(target)]
        notes = [
            f"{target.name}: no filter belongs to it: no gate of it reaches {self.params.own}"
            for target in targets
            if not len(self._own(target))
        ]
        return Explanation(tuple(evidence), notes=tuple(notes))

    def map(self, weights: np.ndarray) -> np.ndarray:
        """sum_k w_k A_k in the original image's coordinates, (H, W)."""
        return self.place(np.tensordot(weights, self._maps, 1), self.learned.layer)

    def _evidence(self, target: Target) -> Iterator[Evidence]:
        layer, weight = self.learned.layer, self.learned.weight
        own, weights = self._own(target), weight[target.index]
        if target.against is not None:
            weights = weights - weight[target.against]
        own_weights = np.zeros_like(weights)
        own_weights[own] = weights[own]
        about: dict[str, Any] = {"target": target.name, "image": self.index, "layer": layer}
        unit = "score per cell"
        yield Heatmap(name="class filters", values=self.map(own_weights), unit=unit, **about)
        yield Heatmap(name="all filters", values=self.map(weights), unit=unit, **about)
        features = self._maps.mean((1, 2))
        contributions = weights * features
        yield ChannelImportance(name="contributions", values=contributions, **about)
        if len(own):
            best = own[np.argsort(-contributions[own], kind="stable")][: self.params.filters]
            yield self.part_maps("own filters", layer, self._maps, best, target.name)
        yield self._without(target, own, features)

    def _without(self, target: Target, own: np.ndarray, features: np.ndarray) -> Table:
        """Probabilities with all filters, and without the target's own."""
        raw = np.concatenate([self.learned.scores(features[None], off) for off in (None, own)])
        found = self.model.probabilities(self.model.to_device(raw.astype(np.float32)))
        before, after = found.cpu().numpy()
        top = np.argsort(-before, kind="stable")[:5].tolist()
        return Table(
            name="filters switched off",
            target=target.name,
            image=self.index,
            columns=["class", "probability", f"without the {len(own)} filters of {target.name}"],
            rows=[
                [self.learned.classes[c], round(float(before[c]), 4), round(float(after[c]), 4)]
                for c in dict.fromkeys([target.index, *top])
            ],
        )

    def _own(self, target: Target) -> np.ndarray:
        """Filters of a class; of a difference of two classes, those of either."""
        labels = [target.index] if target.against is None else [target.index, target.against]
        found = [self.learned.filters(label, self.params.own) for label in labels]
        return np.unique(np.concatenate(found))

    @cached_property
    def _maps(self) -> np.ndarray:
        """A (K, h, w)."""
        layer = self.learned.layer
        if layer not in {each.name for each in self.model.layers()}:
            raise InputError(
                f"{self.model.spec.name} has no layer {layer}, whose filters belong to classes; "
                "open the folder that fit wrote"
            )
        return self.model.activations(self.pixels, [layer])[layer][0].float().cpu().numpy()


def gate_matrix(learned: CsgKnowledge) -> Matrix:
    """G with filters grouped by class."""
    order = learned.grouped()
    return Matrix(
        name="gates",
        layer=learned.layer,
        values=learned.required_gates()[:, order],
        rows=list(learned.classes),
        columns=[str(each) for each in order],
        signed=False,
    )


def confusion_matrices(learned: CsgKnowledge, target: Target, own: float) -> Iterator[Matrix]:
    """Confusion of the images held out of training with all filters, and without a class's own.

    Rows are the true classes.
    """
    names, off = list(learned.classes), learned.filters(target.index, own)
    both = switched(learned, learned.features, learned.labels, off)
    for title, values in zip(("all filters", "its filters off"), both, strict=True):
        yield Matrix(
            name=f"confusion, {title}",
            target=target.name,
            values=values,
            rows=names,
            columns=names,
            signed=False,
        )
