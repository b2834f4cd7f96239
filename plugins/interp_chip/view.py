"""What CHIP shows of one image: maps, channels, and where these channels look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.errors import InputError
from interp.evidence import ChannelImportance, Evidence, Heatmap, PartMaps
from interp.explanation import Explanation, finding_key
from interp_chip.features import channel_maps, pooled
from interp_chip.refine import refine

if TYPE_CHECKING:
    from torch import Tensor

    from interp.model import ModelAdapter
    from interp.network.placement import Placement
    from interp.target import Target
    from interp_chip.known import Known
    from interp_chip.params import ChipParams


@dataclass(frozen=True, eq=False)
class View:
    """One image (H, W, 3) uint8 seen with what is known of the model's layers."""

    model: ModelAdapter
    image: np.ndarray
    at: int
    known: Known
    params: ChipParams

    def tell(self, targets: Sequence[Target], images: int) -> Explanation:
        """Evidence for every target; scores under its name, and the image's where several are."""
        evidence: list[Evidence] = []
        scores = {}
        for target in targets:
            evidence += self._evidence(target)
            key = finding_key(target.name, self.at, images)
            rows = {name: self.known.row(name, target) for name in self._layers}
            scores[key] = {
                f"r2 {name}": None if r2 is None else round(r2, 4)
                for name, (_, _, r2) in rows.items()
            }
        return Explanation(tuple(evidence), scores=scores)

    def map(self, layer: str, target: Target) -> np.ndarray:
        """sum_k w^k A^k in the original image's coordinates, (H, W), signed."""
        weights, _, _ = self.known.row(layer, target)
        cells = np.tensordot(weights, self._maps[layer], 1)
        return self._placed(cells, layer)

    def _evidence(self, target: Target) -> Iterator[Evidence]:
        maps = {name: self.map(name, target) for name in self._layers}
        if self.params.refined:
            yield self._refined(maps, target)
        for name in reversed(self._layers):
            weights, error, r2 = self.known.row(name, target)
            about: dict[str, Any] = {"target": target.name, "image": self.at, "layer": name}
            about["r2"] = r2
            unit = f"{self.params.output} per cell"
            yield Heatmap(name=f"map {name}", values=maps[name], unit=unit, **about)
            a = self._pooled[name]
            yield ChannelImportance(
                name=f"channels {name}",
                values=weights * a,
                standard_error=None if error is None else error * np.abs(a),
                **about,
            )
            yield self._parts(name, weights * a, about)

    def _refined(self, maps: dict[str, np.ndarray], target: Target) -> Heatmap:
        if len(maps) < 2:
            raise InputError(
                f"refined combines layers; only {', '.join(maps)} is known; learn another: "
                "interp fit --plugin chip --layer DEEP --layer SHALLOW"
            )
        values = refine(list(maps.values()), self.params.refine)
        fits = [self.known.row(name, target)[2] for name in maps]
        known = [each for each in fits if each is not None]
        return Heatmap(
            name="refined",
            r2=min(known, default=None),  # as good as the poorest fit behind it
            target=target.name,
            image=self.at,
            layer=" x ".join(maps),
            values=values.astype(np.float32),
            signed=False,
            unit="share of the largest",
        )

    def _parts(self, name: str, contribution: np.ndarray, about: dict[str, Any]) -> PartMaps:
        """Where the most important channels are excited."""
        best = np.argsort(-contribution, kind="stable")[: self.params.channels]
        maps = np.stack([self._placed(self._maps[name][each], name) for each in best])
        peaks = [np.unravel_index(each.argmax(), each.shape) for each in maps]
        return PartMaps(
            name=f"top channels {name}",
            maps=maps,
            peaks=np.array(peaks, np.int64),
            filters=[int(each) for each in best],
            **about,
        )

    def _placed(self, cells: np.ndarray, layer: str) -> np.ndarray:
        """A map on a layer's grid as one over the original image."""
        field = self.model.layer(layer).field
        over = self._placement.grid_to_input(cells.astype(np.float32), field)
        return self._placement.to_image(over)

    @property
    def _layers(self) -> list[str]:
        """From shallow to deep."""
        wanted = self.known.chosen(self.params.layer)
        return [each.name for each in self.model.layers() if each.name in wanted]

    @cached_property
    def _prepared(self) -> tuple[Tensor, Placement]:
        return self.model.prepare(self.image)

    @property
    def _placement(self) -> Placement:
        return self._prepared[1]

    @cached_property
    def _activations(self) -> dict[str, Tensor]:
        return self.model.activations(self._prepared[0][None], self._layers)

    @cached_property
    def _maps(self) -> dict[str, np.ndarray]:
        """A^k on each layer's grid, (K, gh, gw)."""
        return {
            name: channel_maps(value, self.model.layer(name))[0].float().cpu().numpy()
            for name, value in self._activations.items()
        }

    @cached_property
    def _pooled(self) -> dict[str, np.ndarray]:
        """sum_ij A^k(i, j) of each layer, (K,)."""
        return {
            name: pooled(value, self.model.layer(name))[0].cpu().numpy()
            for name, value in self._activations.items()
        }
