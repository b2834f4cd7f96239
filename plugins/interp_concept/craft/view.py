"""What CRAFT shows of one image: where its class's concepts are, and how much each matters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from interp.context import Context
from interp.cut import Cut
from interp.evidence import ChannelImportance, Concepts, Evidence, Gallery, Heatmap, Table
from interp.explanation import Explanation, finding_key, join
from interp.method import ImageView
from interp.target import Target
from interp_concept.craft.class_fit import ClassConcepts
from interp_concept.craft.knowledge import CraftKnowledge
from interp_concept.craft.params import CraftParams
from interp_concept.crop import sheet
from interp_concept.decoding import EncodedImage, masked_scores
from interp_concept.sobol import Indices, total_indices

UNIT = "share of the score's variance"


@dataclass(frozen=True, eq=False)
class CraftView(ImageView):
    """One image explained with the concepts of the targets' classes."""

    learned: CraftKnowledge
    params: CraftParams
    context: Context = field(kw_only=True)

    def to_explanation(self, targets: Sequence[Target]) -> Explanation:
        """Evidence for every target; `scores` hold how well concepts rebuild the activation."""
        return join([self._explained(target) for target in targets])

    def _explained(self, target: Target) -> Explanation:
        known = self.learned.of(target)
        cut = self.model.cut(self.learned.layer)
        bank = torch.from_numpy(known.bank).to(self.pixels.device)
        image = EncodedImage(self.model, cut, cut.prefix(self.pixels), bank)
        masks = self.context.samples(self.params.masks)
        random = self.params.design == "random"
        scores = masked_scores(image, masks, random, self.params.output, self.context)
        found = total_indices(target.select(scores)[..., None], len(bank))
        key = finding_key(target.name, self.index, self.count)
        facts = {"r2": round(image.r2, 4), "same answer": image.same_answer}
        evidence = tuple(self._evidence(target, known, image, found))
        samples = int(np.prod(scores.shape[:2]))
        return Explanation(evidence, samples, {key: facts}, tuple(self._notes(key, image, found)))

    def _notes(self, key: str, image: EncodedImage, found: Indices) -> Iterator[str]:
        if not image.same_answer:
            yield (
                f"{key}: decoded from these concepts the model answers another class; importances "
                "are about that other activation"
            )
        if not found.values.any():
            yield f"{key}: the score stays the same whatever the concepts do; all are 0"

    def _evidence(
        self, target: Target, known: ClassConcepts, image: EncodedImage, found: Indices
    ) -> Iterator[Evidence]:
        values, error = found.values[0], found.standard_error[0]
        cut: Cut = image.cut
        about: dict[str, Any] = {
            "target": target.name, "image": self.index, "layer": cut.layer.name,
        }  # fmt: skip
        cells = image.coefficients.cpu().numpy()  # (R, h, w)
        whole = self.place(np.tensordot(values, cells, 1), cut.layer.name)
        yield Heatmap(
            name="map", values=whole, signed=False, unit="importance x coefficient", **about
        )
        best = np.argsort(-values, kind="stable")[: self.params.shown]
        yield Concepts(
            name="concepts",
            maps=np.stack([self.place(cells[at], cut.layer.name) for at in best]),
            importance=values[best],
            standard_error=error[best],
            names=[f"concept {at}" for at in best],
            unit=UNIT,
            **about,
        )
        yield ChannelImportance(
            name="importance", values=values, standard_error=error, word="concept", **about
        )
        yield Gallery(
            name="pieces with each concept",
            pictures=np.stack([sheet(known.tiles[at]) for at in best]),
            captions=[f"concept {at}: {values[at]:.2f}" for at in best],
            **about,
        )
        yield Table(
            name="importance here and in the class",
            columns=["concept", "here", "±", "in the class", "±"],
            rows=[
                [int(at), *(round(float(each[at]), 4) for each in columns)]
                for columns in [(values, error, known.importance, known.standard_error)]
                for at in range(len(values))
            ],
            **about,
        )
