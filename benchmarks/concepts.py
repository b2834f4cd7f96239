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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from cached import Cached
from concepts_tested import tested
from record import print_progress, record

from interp.context import Context
from interp.dataset import Example
from interp.evaluation.bootstrap import compare, estimate
from interp.evaluation.dissection import maps_to_input, mask_to_input
from interp.metric import Measurement
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp_chip.knowledge import ChipKnowledge
from interp_chip.method import Chip
from interp_chip.params import ChipParams
from interp_concept.craft.fit import fit as fit_craft
from interp_concept.craft.knowledge import CraftKnowledge
from interp_concept.craft.params import CraftParams
from interp_concept.factorization import encode
from interp_concept.tcav.fit import fit as fit_tcav
from interp_concept.tcav.knowledge import TcavKnowledge
from interp_concept.tcav.params import TcavParams
from interp_creatures.dataset import Creatures
from interp_creatures.species import DEFINING
from interp_explainer.knowledge import SHIPPED, TrainedExplainer
from interp_standard.baseline import centred_gaussian

LEARNED, CHOSEN, SCORED = 7001, 7002, 7003
"""Seeds."""
CRAFT: dict[str, dict[str, Any]] = {
    "cells": {"scored": 5, "masks": 500},
    "crops": {"scored": 5, "masks": 500, "pieces": "crops"},
}
"""Kinds of concepts, and their parameters."""
STEP = 2
"""Every second pixel is looked at."""
BLIND = "centre"
Maps = Callable[[torch.Tensor, int], np.ndarray]
"""The maps (K, gh, gw) of an input (3, h, w) and a class."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learned", type=int, default=120)
    parser.add_argument("--chosen", type=int, default=80)
    parser.add_argument("--scored", type=int, default=100)
    parser.add_argument("--models", nargs="+", default=["creatures-vgg", "creatures-resnet"])
    parser.add_argument("--out", type=Path, help="instead of benchmarks/results")
    arguments = parser.parse_args()
    counts = {name: getattr(arguments, name) for name in ("learned", "chosen", "scored")}
    found: dict[str, Any] = {"images": counts}
    for name in arguments.models:
        found[name] = Study(name, **counts).report()
        record("concepts", found, arguments.out)


class Match(NamedTuple):
    """How one map matches one part: IoU of regions, and whether its largest pixel lies on it."""

    iou: float
    pointing: float


@dataclass(frozen=True, eq=False)
class Study:
    """One network: concepts learned once, then compared with the parts."""

    name: str
    learned: int
    chosen: int
    scored: int
    areas: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def report(self) -> dict[str, Any]:
        """All numbers."""
        craft = {kind: known.classes for kind, known in self.craft.items()}
        facts = {
            kind: {
                key: round(float(np.mean([each.about[key] for each in classes.values()])), 3)
                for key in ("error", "r2", "same_answer")
            }
            for kind, classes in craft.items()
        }
        print(self.name, facts, flush=True)
        best = self.best_maps()
        print(self.name, "maps chosen", flush=True)
        values = self.values(best)
        return {
            "layer": self.layer,
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
            "tcav": tested(self.model, self.tcav("all"), self.tcav("class"), self.scored_images),
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
        for label, known in self.craft["cells"].classes.items():
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
        pixels, placement = self.model.prepare(example.image)
        masks = self.masks(example)
        label = example.instances[0].label
        for name, (layer, maps) in self.sets.items():
            cells = maps(pixels, label)
            whole = cells if layer is None else maps_to_input(cells, placement, layer)
            whole = whole[:, ::STEP, ::STEP]
            orders = np.argsort(-whole.reshape(len(whole), -1), axis=1, kind="stable")
            for part, mask in masks.items():
                known = name.startswith("tcav")  # which part each map is for is known
                chosen = orders if not known else orders[[self.tcav("all").concepts.index(part)]]
                area = int(np.mean(self.areas[part])) if self.areas[part] else int(mask.sum())
                yield name, part, [_match(order, mask, area) for order in chosen]

    def masks(self, example: Example) -> dict[str, np.ndarray]:
        """The visible parts (h, w) bool at the network's input."""
        _, placement = self.model.prepare(example.image)
        found = {
            part.name: mask_to_input(part.mask, placement)[::STEP, ::STEP] > 0.5
            for part in example.instances[0].parts
            if part.mask is not None
        }
        return {name: mask for name, mask in found.items() if mask.any()}

    @cached_property
    def sets(self) -> dict[str, tuple[Any, Maps]]:
        """Each set's maps by name, and the receptive field of their cells; None: of pixels."""
        place = self.model.layer(self.layer).field
        found: dict[str, tuple[Any, Maps]] = {
            **{f"craft {kind}": (place, self._craft(each)) for kind, each in self.craft.items()},
            "tcav directions": (place, self._tcav),
            "filters": (place, lambda pixels, _: self._activation(pixels)),
            "chip channels": (place, self._chip),
            BLIND: (None, lambda pixels, _: centred_gaussian(tuple(pixels.shape[1:]))[None]),
        }
        if (SHIPPED / self.name).is_dir():
            explainer = TrainedExplainer.of(self.model)
            field = self.model.layer(explainer.structure.layer).field
            found["explainer parts"] = (field, lambda p, _: explainer.run(p[None]).parts)
        return found

    def _craft(self, known: CraftKnowledge) -> Maps:
        def maps(pixels: torch.Tensor, label: int) -> np.ndarray:
            cells = torch.from_numpy(self._activation(pixels))
            bank = torch.from_numpy(known.classes[label].bank)
            found = encode(cells.flatten(1).T, bank).T
            return np.asarray(found.reshape(-1, *cells.shape[1:]).numpy())

        return maps

    def _tcav(self, pixels: torch.Tensor, label: int) -> np.ndarray:
        return np.tensordot(self.tcav("all").directions, self._activation(pixels), 1)

    def _chip(self, pixels: torch.Tensor, label: int) -> np.ndarray:
        """The ten channels that speak most for the class."""
        weights = self.chip.layers[self.layer].weights[self.chip.classes.index(label)]
        return self._activation(pixels)[np.argsort(-weights)[:10]]

    def _activation(self, pixels: torch.Tensor) -> np.ndarray:
        return np.asarray(self.cut.prefix(pixels[None]).activation[0].float().numpy())

    @cached_property
    def model(self) -> ModelAdapter:
        return open_model(self.name, ModelOptions(device="cpu"), Registry.load())

    @cached_property
    def cut(self) -> Any:
        return self.model.cut(self.layer)

    @cached_property
    def layer(self) -> str:
        return self.model.map_layer().name

    @cached_property
    def data(self) -> Cached:
        return Cached(Creatures(self.learned, LEARNED, two=False))

    @cached_property
    def scored_images(self) -> Cached:
        return Cached(Creatures(self.scored, SCORED, two=False))

    @cached_property
    def context(self) -> Context:
        return Context(progress=print_progress(self.name))

    @cached_property
    def craft(self) -> dict[str, CraftKnowledge]:
        return {
            kind: CraftKnowledge.read(
                fit_craft(self.model, self.data, CraftParams(**params), self.context)
            )
            for kind, params in CRAFT.items()
        }

    def tcav(self, within: str) -> TcavKnowledge:
        """Directions of the five parts, or of each class's parts."""
        if within not in self._tcavs:
            own = within == "class"
            counter = "others" if own else "random"
            params = TcavParams(source="parts", each_class=own, counter=counter)
            found = fit_tcav(self.model, self.data, params, self.context)
            self._tcavs[within] = TcavKnowledge.find(self.model, found, params)
        return self._tcavs[within]

    @cached_property
    def _tcavs(self) -> dict[str, TcavKnowledge]:
        return {}

    @cached_property
    def chip(self) -> ChipKnowledge:
        params = ChipParams(layer=(self.layer,), masks=400, images=20)
        return ChipKnowledge.read(Chip(params).fit(self.model, self.data, self.context))


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
