"""What CHIP shows of one image: class maps, channel contributions, where channels are active."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor

from interp.errors import InputError
from interp.evidence import ChannelImportance, Evidence, Heatmap
from interp.explanation import Explanation, finding_key
from interp.method import ImageView
from interp.spec import VALUE
from interp.target import Target
from interp_chip.features import channel_maps, pooled
from interp_chip.knowledge import ChipKnowledge
from interp_chip.params import ChipParams, Rule


@dataclass(frozen=True, eq=False)
class ChipView(ImageView):
    """One image explained with W of the model's layers."""

    learned: ChipKnowledge
    params: ChipParams

    def to_explanation(self, targets: Sequence[Target]) -> Explanation:
        """Evidence for every target; `scores` hold R^2 of each layer, by target (and image)."""
        scores = {
            finding_key(target.name, self.index, self.count): {
                f"r2 {layer}": None if r2 is None else round(r2, 4)
                for layer, r2 in self._r2(target).items()
            }
            for target in targets
        }
        evidence = [each for target in targets for each in self._evidence(target)]
        return Explanation(tuple(evidence), scores=scores)

    def map(self, layer: str, target: Target) -> np.ndarray:
        """sum_k w^k A^k in the original image's coordinates, (H, W), signed."""
        weights, _, _ = self.learned.row(layer, target)
        return self.place(np.tensordot(weights, self._maps(layer), 1), layer)

    def _evidence(self, target: Target) -> Iterator[Evidence]:
        maps = {name: self.map(name, target) for name in self._layers}
        if self.params.refined:
            yield self._refined(maps, target)
        for name in reversed(self._layers):
            weights, error, r2 = self.learned.row(name, target)
            about: dict[str, Any] = {"target": target.name, "image": self.index, "layer": name}
            about["r2"] = r2
            output = VALUE if self.model.spec.unit == VALUE else self.params.output
            unit = f"{output} per cell"
            yield Heatmap(name=f"map {name}", values=maps[name], unit=unit, **about)
            a = pooled(self._activations[name], self.model.layer(name))[0].cpu().numpy()  # (K,)
            yield ChannelImportance(
                name=f"channels {name}",
                values=weights * a,
                standard_error=None if error is None else error * np.abs(a),
                **about,
            )
            best = np.argsort(-weights * a, kind="stable")[: self.params.channels]
            title = f"top channels {name}"
            parts = self.part_maps(title, name, self._maps(name), best, target.name)
            yield replace(parts, r2=r2)

    def _refined(self, maps: dict[str, np.ndarray], target: Target) -> Heatmap:
        if len(maps) < 2:
            raise InputError(
                f"refined combines layers; only {', '.join(maps)} was learned; learn another: "
                "interp fit --plugin chip --layer DEEP --layer SHALLOW"
            )
        values = refine(list(maps.values()), self.params.refine)
        fits = [each for each in self._r2(target).values() if each is not None]
        return Heatmap(
            name="refined",
            r2=min(fits, default=None),  # as good as the poorest fit behind it
            target=target.name,
            image=self.index,
            layer=" x ".join(maps),
            values=values.astype(np.float32),
            signed=False,
            unit="share of the largest",
        )

    def _r2(self, target: Target) -> dict[str, float | None]:
        return {name: self.learned.row(name, target)[2] for name in self._layers}

    @cached_property
    def _layers(self) -> list[str]:
        """The layers to show, from shallow to deep."""
        wanted = self.learned.chosen(self.params.layer)
        return [each.name for each in self.model.layers() if each.name in wanted]

    @cached_property
    def _activations(self) -> dict[str, Tensor]:
        return self.model.activations(self.pixels, self._layers)

    def _maps(self, layer: str) -> np.ndarray:
        """A^k on the layer's grid, (K, gh, gw)."""
        maps = channel_maps(self._activations[layer], self.model.layer(layer))
        return np.asarray(maps[0].float().cpu().numpy())


def refine(maps: Sequence[np.ndarray], rule: Rule) -> np.ndarray:
    """Combine signed maps (H, W), ordered from shallow to deep, into one map in [0, 1].

    product: product of the positive parts, each scaled to [0, 1]: the deep map selects the class,
    the shallow one the place. absolute: the deepest positive part times the absolute values of
    the shallower maps. mean: mean of the positive parts. The published figure does not say which
    rule the paper uses; these three are ours.
    """
    positive = [_scaled(np.maximum(each, 0)) for each in maps]
    if rule == "mean":
        return _scaled(np.mean(positive, axis=0))
    if rule == "absolute":
        positive[:-1] = [_scaled(np.abs(each)) for each in maps[:-1]]
    return _scaled(np.prod(positive, axis=0))


def _scaled(values: np.ndarray) -> np.ndarray:
    return values / max(float(values.max()), 1e-30)
