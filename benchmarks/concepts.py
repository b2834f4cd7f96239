"""How well concepts, filters and parts match the parts of creatures, which are known.

python benchmarks/concepts.py [--learned N --chosen N --scored N --models M ...]
Writes benchmarks/results/concepts.json. Images learned from, images on which each part's best map
is chosen, and images that are scored come from different seeds. For each class and part, every set
of maps sends the one with the largest mean IoU on the chosen images. A map's region is its largest
pixels, as many as the part has on average there. Intervals are 95 %, over scored images.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from cached import Cached
from concept_maps import ConceptMaps
from concepts_tested import tested
from record import record

from interp.dataset import Example
from interp.evaluation.bootstrap import compare, estimate
from interp.evaluation.dissection import maps_to_input, mask_to_input
from interp.metric import Measurement
from interp_creatures.dataset import Creatures
from interp_creatures.species import DEFINING

CHOSEN, SCORED = 7002, 7003
"""Seeds of the images on which maps are chosen, and of those that are scored."""
STEP = 2
"""Every second pixel is looked at."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learned", type=int, default=120)
    parser.add_argument("--chosen", type=int, default=80)
    parser.add_argument("--scored", type=int, default=100)
    parser.add_argument("--models", nargs="+", default=["creatures-vgg", "creatures-resnet"])
    parser.add_argument("--out", type=Path, help="instead of benchmarks/results")
    arguments = parser.parse_args()
    chosen, scored = arguments.chosen, arguments.scored
    counts = {"learned": arguments.learned, "chosen": chosen, "scored": scored}
    found: dict[str, Any] = {"images": counts}
    for name in arguments.models:
        network = ConceptMaps(name, arguments.learned)
        found[name] = Study(network, chosen, scored).report()
        record("concepts", found, arguments.out)


class Match(NamedTuple):
    """How one map matches one part: IoU of regions, and whether its largest pixel lies on it."""

    iou: float
    pointing: float


@dataclass(frozen=True, eq=False)
class Study:
    """A network's maps compared with the parts."""

    network: ConceptMaps
    chosen: int
    scored: int
    areas: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def report(self) -> dict[str, Any]:
        """All numbers."""
        craft = {kind: known.classes for kind, known in self.network.craft.items()}
        facts = {
            kind: {
                key: round(float(np.mean([each.about[key] for each in classes.values()])), 3)
                for key in ("error", "r2", "same_answer")
            }
            for kind, classes in craft.items()
        }
        print(self.network.name, facts, flush=True)
        best = self.best_maps()
        print(self.network.name, "maps chosen", flush=True)
        values = self.values(best)
        return {
            "layer": self.network.layer,
            "craft": facts,
            "importance_by_part": self.importance(best["craft cells"]),
            "match": {
                group: {name: _estimates(each) for name, each in sets.items()}
                for group, sets in values.items()
            },
            "craft_cells_less": {
                group: {
                    name: _differences(sets["craft cells"], each)
                    for name, each in sets.items()
                    if name != "craft cells"
                }
                for group, sets in values.items()
            },
            "tcav": tested(
                self.network.model,
                self.network.tcav("all"),
                self.network.tcav("class"),
                self.scored_images,
            ),
        }

    def best_maps(self) -> dict[str, dict[tuple[int, str], np.ndarray]]:
        """For each set, class and part the mean IoU of every map on the chosen images, (K,)."""
        data = Creatures(self.chosen, CHOSEN, two=False)
        for example in data:
            for name, mask in self.masks(example).items():
                self.areas[name].append(int(mask.sum()))
        sums: dict[str, dict[tuple[int, str], list[np.ndarray]]] = {}
        for example in data:
            for name, part, found in self.matches(example):
                of_part = sums.setdefault(name, defaultdict(list))
                of_part[example.instances[0].label, part].append(np.array(found)[:, 0])
        return {
            name: {key: np.mean(rows, 0) for key, rows in of_part.items()}
            for name, of_part in sums.items()
        }

    def values(
        self, best: dict[str, dict[tuple[int, str], np.ndarray]]
    ) -> dict[str, dict[str, np.ndarray]]:
        """By group of parts and set: mean IoU and pointing of each scored image, (N, 2)."""
        found: dict[str, dict[str, list[np.ndarray]]] = {
            group: defaultdict(list) for group in ("defining parts", "all parts")
        }
        for example in self.scored_images:
            label, rows = example.instances[0].label, defaultdict(list)
            for name, part, matches in self.matches(example):
                at = int(best[name][label, part].argmax())
                rows[name].append((part, matches[at]))
            for name, listed in rows.items():
                defining = [match for part, match in listed if part in DEFINING]
                found["defining parts"][name].append(np.mean(defining, 0))
                found["all parts"][name].append(np.mean([match for _, match in listed], 0))
        return {
            group: {name: np.array(each) for name, each in sets.items()}
            for group, sets in found.items()
        }

    def importance(self, best: dict[tuple[int, str], np.ndarray]) -> dict[str, Any]:
        """The share of CRAFT's importance in concepts that match each part best; none: IoU < .1."""
        shares: dict[str, list[float]] = defaultdict(list)
        for label, known in self.network.craft["cells"].classes.items():
            parts = [part for at, part in best if at == label]
            table = np.stack([best[label, part] for part in parts])  # (parts, K)
            names = [
                parts[int(column.argmax())] if column.max() >= 0.1 else "none" for column in table.T
            ]
            for part in (*parts, "none"):
                chosen = [name == part for name in names]
                share = known.importance[chosen].sum() / known.importance.sum()
                shares[part].append(float(share))
        return {part: round(float(np.mean(each)), 3) for part, each in shares.items()}

    def matches(self, example: Example) -> Iterator[tuple[str, str, list[Match]]]:
        """(set, part, how each map of the set matches it)."""
        pixels, placement = self.network.model.prepare(example.image)
        masks = self.masks(example)
        label = example.instances[0].label
        for name, (layer, maps) in self.network.sets.items():
            cells = maps(pixels, label)
            whole = cells if layer is None else maps_to_input(cells, placement, layer)
            whole = whole[:, ::STEP, ::STEP]
            orders = np.argsort(-whole.reshape(len(whole), -1), axis=1, kind="stable")
            for part, mask in masks.items():
                known = name.startswith("tcav")  # which part each map is for is known
                chosen = (
                    orders if not known else orders[[self.network.tcav("all").concepts.index(part)]]
                )
                area = int(np.mean(self.areas[part])) if self.areas[part] else int(mask.sum())
                yield name, part, [_match(order, mask, area) for order in chosen]

    def masks(self, example: Example) -> dict[str, np.ndarray]:
        """The visible parts (h, w) bool at the network's input."""
        _, placement = self.network.model.prepare(example.image)
        found = {
            part.name: mask_to_input(part.mask, placement)[::STEP, ::STEP] > 0.5
            for part in example.instances[0].parts
            if part.mask is not None
        }
        return {name: mask for name, mask in found.items() if mask.any()}

    @cached_property
    def scored_images(self) -> Cached:
        return Cached(Creatures(self.scored, SCORED, two=False))


def _match(order: np.ndarray, mask: np.ndarray, area: int) -> Match:
    """A map whose pixels in falling order are `order`, and a part's mask."""
    flat = mask.ravel()
    both = flat[order[:area]].sum()
    return Match(float(both / (area + flat.sum() - both)), float(flat[order[0]]))


def _estimates(values: np.ndarray) -> dict[str, list[float]]:
    return {
        name: _plain(estimate(values[:, at], np.random.default_rng(0)))
        for at, name in enumerate(Match._fields)
    }


def _differences(first: np.ndarray, second: np.ndarray) -> dict[str, list[float]]:
    return {
        name: _plain(compare(first[:, at], second[:, at], np.random.default_rng(0)))
        for at, name in enumerate(Match._fields)
    }


def _plain(measured: Measurement) -> list[float]:
    return [round(float(each or 0), 3) for each in (measured.value, measured.low, measured.high)]


if __name__ == "__main__":
    main()
