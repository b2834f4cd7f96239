"""Pictures for an image: of its target, and of the channels that matter most to it there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from interp.evidence import ChannelImportance, Evidence, PartMaps
from interp.explanation import Explanation
from interp.method import ImageView
from interp.target import Target
from interp_dream.evidence import Comparison, gallery, table
from interp_dream.objectives import channel_objectives, class_objectives, random_objective
from interp_dream.optimise import Dreamer
from interp_dream.params import DreamParams
from interp_dream.probe import Objective, Of


@dataclass(frozen=True, eq=False)
class Learned:
    """What all images share: the pictures found so far, and what noise reaches."""

    dreamer: Dreamer
    noise: dict[Of, np.ndarray]


@dataclass(frozen=True, eq=False)
class DreamView(ImageView):
    """One image beside the pictures of its targets and of their channels there."""

    learned: Learned
    params: DreamParams

    def to_explanation(self, targets: Sequence[Target]) -> Explanation:
        """For each target: channels by importance, where they are active, and pictures."""
        probe = self.learned.dreamer.probe
        maps, importance = probe.importance(self.pixels, targets)
        own = probe.measure(self.pixels)
        evidence: list[Evidence] = []
        notes: list[str] = []
        for target, weights in zip(targets, importance.cpu().numpy(), strict=True):
            best = self._channels(weights)
            evidence += self._channel_evidence(target, weights, best, maps)
            compared = [self._compare(each, own) for each in self._objectives(target, best)]
            about = {"target": target.name, "image": self.index, "layer": probe.layer.name}
            evidence.append(
                gallery(self.model, compared, self.params.transparent, name="pictures", **about)
            )
            evidence.append(table(compared, name="scores", **about))
            notes += [f"{target.name}: {note}" for each in compared for note in each.notes()]
        return Explanation(tuple(evidence), notes=tuple(dict.fromkeys(notes)))

    def _channels(self, weights: np.ndarray) -> np.ndarray:
        """The channels to picture: those asked for, else the most important ones."""
        if self.params.channels:
            return np.array(self.params.channels)
        return np.argsort(-weights, kind="stable")[: self.params.shown]

    def _objectives(self, target: Target, channels: np.ndarray) -> Iterator[Objective]:
        """The target and its channels, each kind with a random direction as its control."""
        probe, seed = self.learned.dreamer.probe, self.learned.dreamer.context.seed
        if self.params.of != "channels":
            classes = len(self.model.spec.classes)
            yield from class_objectives([target], classes)
            yield from [random_objective("classes", classes, seed)] * self.params.control
        if self.params.of != "classes":
            yield from channel_objectives(probe, map(int, channels))
            count = probe.layer.channels
            yield from [random_objective("channels", count, seed)] * self.params.control

    def _compare(self, objective: Objective, own: dict[Of, np.ndarray]) -> Comparison:
        """The picture of an objective; the real image is the one that is explained."""
        scores = own[objective.of] @ objective.direction
        noise = float((self.learned.noise[objective.of] @ objective.direction).mean())
        return Comparison(self.learned.dreamer.dream(objective), self.image, scores, noise)

    def _channel_evidence(
        self, target: Target, weights: np.ndarray, best: np.ndarray, maps: Tensor
    ) -> Iterator[ChannelImportance | PartMaps]:
        """Importance of the channels, and where those that are pictured are active."""
        layer = self.learned.dreamer.probe.layer
        yield ChannelImportance(
            name="channels",
            target=target.name,
            image=self.index,
            layer=layer.name,
            values=weights.astype(np.float32),
        )
        if layer.grid is not None:
            cells = maps.cpu().numpy()
            yield self.part_maps("top channels", layer.name, cells, best, target.name)
