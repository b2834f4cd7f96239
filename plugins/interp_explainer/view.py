"""What an explainer shows of one image: parts, their places, and their share in the scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from interp.evaluation.similarity import unit_rows
from interp.evidence import ChannelImportance, Evidence, Gallery, Heatmap, PartMaps, Table
from interp.explanation import Explanation
from interp.method import ImageView
from interp.storage.pixel import to_picture
from interp.target import Target
from interp_explainer.coordinates import peak_points, pixels, to_original
from interp_explainer.knowledge import ForwardPass, TrainedExplainer
from interp_explainer.outline import outline, tiled
from interp_explainer.params import ExplainerParams

POOR = 0.5
"""Relative squared error of the last goal above which a note warns."""
CLASSES = 5
"""Number of most probable classes in the table of scores."""
CHUNK = 64
"""Number of filters left out at once."""
TINY = 1e-30


@dataclass(frozen=True, eq=False)
class ExplainerView(ImageView):
    """One image explained with an explainer; params.filters filters are drawn."""

    learned: TrainedExplainer
    params: ExplainerParams

    def to_explanation(self, targets: Sequence[Target]) -> Explanation:
        """Evidence for every target, and how well this image's features are rebuilt."""
        evidence = [each for target in targets for each in self._evidence(target)]
        last, error = self.learned.structure.goals[-1].layer, self._forward.errors[-1]
        note = (
            f"image {self.index}: {last} is rebuilt with a relative error of {error:.2f}; "
            "its part maps and contributions are no more reliable than that"
        )
        shown = (*evidence, self._errors_table(), self._classes_table(targets))
        return Explanation(shown, notes=(note,) if error > POOR else ())

    def contributions(self, target: Target) -> np.ndarray:
        """What each filter adds to the target's score through the decoder, (C,)."""
        scores = target.select(self.model.probabilities(self._raw_scores, "logit"))
        return np.asarray((scores[0] - scores[1:]).cpu().numpy())

    def _evidence(self, target: Target) -> Iterator[Evidence]:
        given, layer = self.contributions(target), self.learned.structure.layer
        about: dict[str, Any] = {"target": target.name, "image": self.index, "layer": layer}
        shares = self._parts / np.maximum(self._parts.sum((1, 2), keepdims=True), TINY)
        heat = self.place(np.tensordot(given, shares, 1), layer)  # spread over each filter's part
        yield Heatmap(name="parts", values=heat, unit="score per cell", **about)
        yield ChannelImportance(name="contributions", values=given, word="filter", **about)
        best = np.argsort(-given, kind="stable")[: self.params.filters]
        points = peak_points(self._parts[best], self.model.layer(layer), self.placement.size)
        yield PartMaps(
            name="part maps",
            maps=np.stack([self.place(self._parts[each], layer) for each in best]),
            peaks=pixels(to_original(points, self.placement), self.image.shape),
            filters=[int(each) for each in best],
            **about,
        )
        yield self._comparison(best, about)

    def _comparison(self, filters: np.ndarray, about: dict[str, Any]) -> Gallery:
        """Where some filters are active, each above the performer's most similar channel.

        Similar by the cosine between the channel's map and the filter's part map.
        """
        maps = self._forward.maps[0].cpu().numpy()
        rows, others = (
            unit_rows(each.reshape(len(each), -1)) for each in (self._parts[filters], maps)
        )
        channels = (rows @ others.T).argmax(1)
        pictures, captions = [], []
        picture = to_picture(self.image, self.model.spec.input.bands)
        for k, c in zip(filters, channels, strict=True):
            placed = [self.place(each, about["layer"]) for each in (self._parts[k], maps[c])]
            pair = [outline(picture, each, float(each.max()) / 2) for each in placed]
            pictures.append(tiled(pair, 1))
            captions.append(f"filter {k}, channel {c}")
        return Gallery(
            name="part filters above channels of the network",
            pictures=np.stack(pictures),
            captions=captions,
            **about,
        )

    def _errors_table(self) -> Table:
        """The relative squared error of each rebuilt layer on this image, and p."""
        pairs = zip(self.learned.structure.goals, self._forward.errors, strict=True)
        rows: list[list[object]] = [[goal.layer, round(error, 4)] for goal, error in pairs]
        rows.append(["p, the parts' share", round(self.learned.network.share, 4)])
        columns = ["layer", "relative squared error"]
        return Table(name="rebuilt", image=self.index, columns=columns, rows=rows)

    def _classes_table(self, targets: Sequence[Target]) -> Table:
        """Class probabilities of the network itself, and through the rebuilt features."""
        own = self.model.predict(self.pixels)
        both = self.model.probabilities(torch.cat([own, self._raw_scores[:1]]))
        before, after = both.cpu().numpy()
        top = np.argsort(-before, kind="stable")[:CLASSES].tolist()
        shown = dict.fromkeys([*(target.index for target in targets), *top])
        names = self.model.spec.classes
        return Table(
            name="classes",
            image=self.index,
            columns=["class", "probability", "through the explainer"],
            rows=[[names[c], round(float(before[c]), 4), round(float(after[c]), 4)] for c in shown],
        )

    @cached_property
    def _forward(self) -> ForwardPass:
        return self.learned.run(self.pixels)

    @cached_property
    def _parts(self) -> np.ndarray:
        """The part maps (C, h, w)."""
        return self._forward.parts

    @cached_property
    def _raw_scores(self) -> Tensor:
        """Raw scores through the decoder, (1 + C, K): with all filters, then without each one."""
        rebuilt, network = self._forward.rebuilt, self.learned.network
        features, mixed = rebuilt.encoded.features[0], rebuilt.encoded.mixed[0]  # (C, gh, gw)
        every = torch.arange(len(features), device=features.device)
        decoded = [rebuilt.goals[-1]]
        for chosen in every.split(CHUNK):
            states = features.repeat(len(chosen), 1, 1, 1)
            states[every[: len(chosen)], chosen] -= mixed[chosen]
            with torch.no_grad():
                decoded.append(network.decode(states)[-1])
        return self.learned.performer.scores(self.prepared[0], torch.cat(decoded))
