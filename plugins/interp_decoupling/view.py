"""Decoupling on one image: its path, what sets it apart, images with near paths, its filters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from interp.evidence import Evidence, Gallery, PartMaps, Pathway, Table
from interp.explanation import Explanation
from interp.method import ImageView
from interp.spec import Capability
from interp.target import Target
from interp_decoupling.knowledge import DecouplingKnowledge
from interp_decoupling.params import DecouplingParams
from interp_decoupling.path import hamming, split

LISTED = 10
"""Filters in each half of the table of those that distinguish."""


class View(ImageView):
    """One image on its way through a decoupled model."""

    learned: DecouplingKnowledge
    params: DecouplingParams

    def to_explanation(self, targets: Sequence[Target]) -> Explanation:
        """The path, nearest images and the work; then what each target's class says of it."""
        path = self.codes.astype(float)
        evidence: list[Evidence] = [
            Pathway(name="path", image=self.index, states=path, layers=self.learned.filters),
            self._nearest(),
            self._work(),
        ]
        notes = []
        for target in targets:
            if (self.learned.paths.labels == target.index).any():
                evidence += self._against(target)
            else:
                notes.append(f"{target.name}: its path is not known: no reference image shows it")
        return Explanation(tuple(evidence), notes=tuple(notes))

    def _against(self, target: Target) -> Iterator[Evidence]:
        """Where the image differs from the target's class, and the class from others; maps."""
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
        """Difference (F,) in [-1, 1] between the shares of `one` and `other` with a filter on."""
        return Pathway(
            name=name,
            image=self.index,
            target=target.name,
            states=difference,
            layers=self.learned.filters,
            signed=True,
            on=f"on in {one}, not in {other}",
            off=f"on in {other}, not in {one}",
        )

    def _table(self, target: Target, unlike: np.ndarray, contrast: np.ndarray) -> Table:
        """Filters with the largest differences: image to class (F,), then class to others (F,)."""
        positions = [(name, k) for name, n in self.learned.filters.items() for k in range(n)]
        here, there = self._shares[target.index], self._others(target)
        rows: list[list[Any]] = []
        for what, values in (("image, not its class", unlike), ("class, not others", contrast)):
            for each in np.argsort(-np.abs(values), kind="stable")[:LISTED]:
                state = "on" if self.codes[each] else "off"
                shares = round(float(here[each]), 3), round(float(there[each]), 3)
                rows.append([what, *positions[each], state, *shares])
        columns = ["sets apart", "layer", "filter", "here", f"on for {target.name}", "for others"]
        return Table(
            name="distinguishing filters",
            image=self.index,
            target=target.name,
            columns=columns,
            rows=rows,
        )

    def _nearest(self) -> Gallery:
        """Reference images whose paths differ in the fewest filters."""
        paths = self.learned.paths
        apart = hamming(self.codes[None], paths.codes)[0]
        best = np.argsort(apart, kind="stable")[: self.params.neighbours]
        return Gallery(
            name="nearest images by path",
            image=self.index,
            pictures=self.learned.pictures[best],
            captions=[
                f"{self.learned.classes[paths.labels[each]]}: {apart[each]:.1%} differ"
                for each in best
            ],
        )

    def _work(self) -> Table:
        """Multiply-adds of the plain network, and of what is on for this image.

        Also how many layers leave out what is off: in the others gathering channels takes longer.
        """
        work, filters = self.learned.work, self.learned.filters
        share = round(float(work.share(self.codes[None], filters)[0]), 4)
        here = self.model.spec.device == "cpu" and Capability.MODULE in self.model.capabilities
        skipping = work.skipping(filters) if here else 0
        modules = sum(each.module for each in work.layers.values())
        on = int(work.on(self.codes[None], filters)[0])
        skipped = round(skipping / len(filters), 4)
        rows: list[list[Any]] = [
            ["multiply-adds: plain network", work.plain(filters), 1.0],
            ["multiply-adds: filters on, and modules", on, share],
            ["multiply-adds: modules alone", modules, None],
            ["layers that skip filters that are off", skipping, skipped],
        ]
        return Table(name="work", image=self.index, columns=["what", "count", "share"], rows=rows)

    def _filters(self, target: Target, contrast: np.ndarray) -> Iterator[PartMaps]:
        """Maps of the filters on here that are on more often for the class than for others."""
        scores = np.where(self.codes, contrast, -np.inf)
        for layer, values in split(scores, self.learned.filters).items():
            best = np.argsort(-values, kind="stable")[: self.params.filters]
            best = best[np.isfinite(values[best])]
            if layer in self._maps and len(best):
                name, maps = f"filters on in {layer}", self._maps[layer]
                yield self.part_maps(name, layer, maps, best, target.name)

    def _others(self, target: Target) -> np.ndarray:
        """Mean share (F,) over the other classes with references; of a difference, the other's."""
        if target.against is not None:
            return self._shares[target.against]
        others = np.setdiff1d(self.learned.paths.labels, [target.index])
        return np.asarray(self._shares[others if len(others) else [target.index]].mean(0))

    @cached_property
    def _shares(self) -> np.ndarray:
        return self.learned.paths.shares(len(self.learned.classes))

    @cached_property
    def codes(self) -> np.ndarray:
        """The image's path (F,) bool."""
        return self.learned.codes(self.model, self.pixels)[0]

    @cached_property
    def _maps(self) -> dict[str, np.ndarray]:
        """Gated maps (n, h, w) of `depth` layers evenly along the path, the last among them."""
        names = list(self.learned.filters)
        chosen = np.linspace(len(names) - 1, 0, min(self.params.depth, len(names)))
        found = self.model.activations(self.pixels, [names[int(each)] for each in chosen.round()])
        return {name: each[0].float().cpu().numpy() for name, each in found.items()}
