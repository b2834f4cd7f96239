"""What is shown of one image: its path, what sets it apart, whose paths are near, its filters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.evidence import Evidence, Gallery, PartMaps, Pathway, Table
from interp.explanation import Explanation
from interp.spec import Capability
from interp_decoupling.path import hamming, split

if TYPE_CHECKING:
    from torch import Tensor

    from interp.model import ModelAdapter
    from interp.network.placement import Placement
    from interp.target import Target
    from interp_decoupling.known import Known
    from interp_decoupling.params import DecouplingParams

TOLD = 10
"""Filters in the table of those that distinguish."""


@dataclass(frozen=True, eq=False)
class View:
    """One image (H, W, 3) uint8 on its way through a decoupled model."""

    model: ModelAdapter
    image: np.ndarray
    at: int
    known: Known
    params: DecouplingParams

    def tell(self, targets: Sequence[Target]) -> Explanation:
        """The path, nearest images and the work; then what each target's class says of it."""
        evidence: list[Evidence] = [
            Pathway(
                name="path",
                image=self.at,
                states=self.codes.astype(float),
                layers=self.known.filters,
            ),
            self._nearest(),
            self._work(),
        ]
        for target in targets:
            evidence += self._against(target)
        empty = [each.name for each in targets if not self._members(each.index)]
        notes = [f"no reference image of {name}: its path is not known" for name in empty]
        return Explanation(tuple(evidence), notes=tuple(notes))

    def _against(self, target: Target) -> Iterator[Evidence]:
        """Of the target's class: filters unlike the image's, unlike the other classes', maps."""
        if not self._members(target.index):
            return
        own, others = self._shares[target.index], self._others(target)
        states, contrast = self.codes.astype(float), own - others
        other = "the others" if target.against is None else "the other class"
        yield self._unlike("image unlike its class", states - own, target, "image", "class")
        yield self._unlike("class unlike others", contrast, target, target.name, other)
        yield self._table(target, states - own, contrast)
        yield from self._filters(target, contrast)

    def _unlike(
        self, name: str, difference: np.ndarray, target: Target, one: str, other: str
    ) -> Pathway:
        """Shares for which filters are on in `one` less those in `other`, (F,) in [-1, 1]."""
        return Pathway(
            name=name,
            image=self.at,
            target=target.name,
            states=difference,
            layers=self.known.filters,
            signed=True,
            on=f"on in {one}, not in {other}",
            off=f"on in {other}, not in {one}",
        )

    def _table(self, target: Target, unlike: np.ndarray, contrast: np.ndarray) -> Table:
        """Filters by how far image and class (F,), then class and others (F,) are apart."""
        rows: list[list[Any]] = []
        for what, values in (("image, not its class", unlike), ("class, not others", contrast)):
            for each in np.argsort(-np.abs(values), kind="stable")[:TOLD]:
                layer, index = self._named(int(each))
                state = "on" if self.codes[each] else "off"
                own = float(self._shares[target.index][each])
                others = float(self._others(target)[each])
                rows.append([what, layer, index, state, round(own, 3), round(others, 3)])
        columns = ["sets apart", "layer", "filter", "here", f"on for {target.name}", "for others"]
        return Table(
            name="distinguishing filters",
            image=self.at,
            target=target.name,
            columns=columns,
            rows=rows,
        )

    def _nearest(self) -> Gallery:
        """Reference images whose paths differ in the fewest filters."""
        paths = self.known.paths
        apart = hamming(self.codes[None], paths.codes)[0]
        best = np.argsort(apart, kind="stable")[: self.params.neighbours]
        return Gallery(
            name="nearest images by path",
            image=self.at,
            pictures=self.known.pictures[best],
            captions=[
                f"{self.known.classes[paths.labels[each]]}: {apart[each]:.1%} differ"
                for each in best
            ],
        )

    def _work(self) -> Table:
        """Multiply-adds of the plain network, and of what is on for this image; and how many
        layers leave out what is off: in the others gathering channels would take longer.
        """
        work, filters = self.known.work, self.known.filters
        share = float(work.share(self.codes[None], filters)[0])
        here = self.model.spec.device == "cpu" and Capability.MODULE in self.model.capabilities
        skipping = work.skipping(filters) if here else 0
        rows: list[list[Any]] = [
            ["multiply-adds: plain network", work.plain(filters), 1.0],
            [
                "multiply-adds: filters on, and modules",
                int(work.on(self.codes[None], filters)[0]),
                share,
            ],
            [
                "multiply-adds: modules alone",
                sum(each.module for each in work.layers.values()),
                None,
            ],
            ["layers that skip filters that are off", skipping, skipping / len(filters)],
        ]
        rows = [[*row[:2], None if row[2] is None else round(row[2], 4)] for row in rows]
        return Table(name="work", image=self.at, columns=["what", "count", "share"], rows=rows)

    def _filters(self, target: Target, contrast: np.ndarray) -> Iterator[PartMaps]:
        """Layer by layer, maps of the filters that are on here and more for the class than else."""
        scores = np.where(self.codes, contrast, -np.inf)
        for layer, values in split(scores, self.known.filters).items():
            best = np.argsort(-values, kind="stable")[: self.params.filters]
            best = best[np.isfinite(values[best])]
            if layer not in self._shown or not len(best):
                continue
            maps = np.stack([self._placed(self._maps[layer][each], layer) for each in best])
            peaks = [np.unravel_index(each.argmax(), each.shape) for each in maps]
            yield PartMaps(
                name=f"filters on in {layer}",
                image=self.at,
                target=target.name,
                layer=layer,
                maps=maps,
                peaks=np.array(peaks, np.int64),
                filters=[int(each) for each in best],
            )

    def _named(self, at: int) -> tuple[str, int]:
        """Layer and number within it of a filter on the whole path."""
        names, counts = list(self.known.filters), list(self.known.filters.values())
        layer = int(np.searchsorted(np.cumsum(counts), at, side="right"))
        return names[layer], at - sum(counts[:layer])

    def _members(self, label: int) -> int:
        return int((self.known.paths.labels == label).sum())

    def _others(self, target: Target) -> np.ndarray:
        """Mean share (F,) over the other classes that have references; of a difference, its own."""
        if target.against is not None:
            return self._shares[target.against]
        others = [c for c in np.unique(self.known.paths.labels) if c != target.index]
        found: np.ndarray = self._shares[others].mean(0) if others else self._shares[target.index]
        return found

    @cached_property
    def _shares(self) -> np.ndarray:
        return self.known.paths.shares(len(self.known.classes))

    @property
    def _shown(self) -> list[str]:
        """Layers evenly along the path, the last among them."""
        names = list(self.known.filters)
        chosen = np.linspace(len(names) - 1, 0, min(self.params.depth, len(names)))
        return [names[int(each)] for each in chosen.round()]

    def _placed(self, cells: np.ndarray, layer: str) -> np.ndarray:
        over = self._prepared[1].grid_to_input(
            cells.astype(np.float32), self.model.layer(layer).field
        )
        return self._prepared[1].to_image(over)

    @cached_property
    def codes(self) -> np.ndarray:
        """The image's path (F,) bool."""
        return self.known.read(self.model, self._prepared[0][None])[0]

    @cached_property
    def _prepared(self) -> tuple[Tensor, Placement]:
        return self.model.prepare(self.image)

    @cached_property
    def _maps(self) -> dict[str, np.ndarray]:
        """Gated maps (n, h, w) of the layers shown."""
        found = self.model.activations(self._prepared[0][None], self._shown)
        return {name: each[0].float().cpu().numpy() for name, each in found.items()}
