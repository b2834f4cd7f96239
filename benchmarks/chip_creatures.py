"""What CHIP claims, measured on creatures, where the truth is known: channels and places.

python benchmarks/chip_creatures.py [--scored N --masks N]
Writes benchmarks/results/chip_creatures.json. Both shipped networks. Images learned from, images
that give thresholds, and images that are scored come from different seeds. Intervals are 95 %,
paired over images.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from localization import tune
from record import record

from interp.context import Context
from interp.dataset import Box, Instance
from interp.evaluation.bootstrap import compare
from interp.metric import Measurement
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp.target import Target
from interp_chip.knowledge import ChipKnowledge
from interp_chip.method import Chip
from interp_chip.params import ChipParams
from interp_chip.view import ChipView, refine
from interp_creatures.dataset import Creatures
from interp_creatures.species import DEFINING
from interp_standard.baseline import centred_gaussian
from interp_standard.localize import energy, iou, largest_box, pointing

LAYERS = {
    "creatures-vgg": ("stage3", "stage3.0", "stage2"),
    "creatures-resnet": ("stage3", "stage2", "stage3.0"),
}
"""From each network the two that the claims are checked at, and a third as a report."""
LEARNED, TUNED, SCORED, PAIRS = 3001, 3002, 3003, 3004
"""Seeds."""
RANDOM_ORDERS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scored", type=int, default=500)
    parser.add_argument("--masks", type=int, default=400)
    parser.add_argument("--images", type=int, default=50, help="per class, to learn from")
    parser.add_argument("--models", nargs="+", default=list(LAYERS))
    parser.add_argument("--out", type=Path, help="instead of benchmarks/results")
    arguments = parser.parse_args()
    params = {"masks": arguments.masks, "images": arguments.images}
    found: dict[str, Any] = {
        "learned_from": params,
        "scored": arguments.scored,
    }
    for name in arguments.models:
        found[name] = Study(name, ChipParams(layer=LAYERS[name], **params)).report(arguments.scored)
        record("chip_creatures", found, arguments.out)


@dataclass(frozen=True, eq=False)
class Seen:
    """One creature of an image and every method's map (H, W) of its class."""

    instance: Instance
    others: list[Instance]
    maps: dict[str, np.ndarray]

    @cached_property
    def parts(self) -> np.ndarray:
        """(H, W) bool: the class-defining parts."""
        masks = [each.mask for each in self.instance.parts if each.name in DEFINING]
        return np.any([each for each in masks if each is not None], axis=0)

    @property
    def union(self) -> Box:
        """The box around the class-defining parts."""
        rows, columns = np.nonzero(self.parts)
        return (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)

    def right(self, name: str) -> float:
        """Whether more of the map's positive energy lies on this creature than on the others."""
        positive = self.maps[name].clip(0)
        mine, *rest = (positive[each.mask].sum() for each in (self.instance, *self.others))
        return float(mine > sum(rest))


@dataclass(frozen=True, eq=False)
class Study:
    """One network: learned once, then measured."""

    name: str
    params: ChipParams

    def report(self, count: int) -> dict[str, Any]:
        """All numbers."""
        print(self.name, self.known.layers[self.params.layer[0]].about, flush=True)
        tuned = list(self.seen(Creatures(200, TUNED, two=False)))
        scored = list(self.seen(Creatures(count, SCORED, two=False)))
        pairs = list(self.seen(Creatures(count // 5, PAIRS, two=True)))
        names = list(scored[0].maps)
        values = {name: self.localize(name, tuned, scored) for name in names}
        return {
            "knowledge": {layer: each.about for layer, each in self.known.layers.items()},
            "localization": {
                name: {key: round(float(each.mean()), 3) for key, each in values[name].items()}
                for name in names
            },
            "chip_less_gradcam": {
                layer: _differences(values[f"chip {layer}"], values[f"gradcam {layer}"])
                for layer in self.params.layer
            },
            "refined_less_chip": {
                f"{name} less chip {layer}": _differences(values[name], values[f"chip {layer}"])
                for name in names
                if name.startswith("refined")
                for layer in self.params.layer[:2]
            },
            "right_creature": {
                name: round(float(np.mean([each.right(name) for each in pairs])), 3)
                for name in names
            },
            "deletion": {layer: self.deletion(layer, count // 5) for layer in self.params.layer},
        }

    def seen(self, data: Creatures) -> Iterator[Seen]:
        """Every creature of every image."""
        for example in data:
            for instance in example.instances:
                others = [each for each in example.instances if each is not instance]
                target = Target(instance.label, str(instance.label))
                yield Seen(instance, others, dict(self._maps(example.image, target)))

    def localize(self, name: str, tuned: list[Seen], scored: list[Seen]) -> dict[str, np.ndarray]:
        """Metrics on the class-defining parts, and boxes of the whole creature, image by image."""
        found = {}
        maps = [each.maps[name] for each in tuned]
        for accept in (0.3, 0.5, 0.7):
            for what, box in (("parts", _union), ("object", _object)):
                if (what, accept) == ("parts", 0.7):
                    continue
                share = tune(maps, [[box(each)] for each in tuned], accept)
                boxes = [largest_box(each.maps[name], share) for each in scored]
                right = [
                    found_ is not None and float(iou([found_], [box(each)])[0, 0]) >= accept
                    for found_, each in zip(boxes, scored, strict=True)
                ]
                found[f"{what} IoU {accept}"] = np.array(right, float)
        found["energy"] = np.array([energy(each.maps[name], each.parts) for each in scored])
        found["pointing"] = np.array([pointing(each.maps[name], each.parts) for each in scored])
        return found

    def deletion(self, layer: str, count: int) -> dict[str, Any]:
        """Mean class probability while channels close in an order: lower is better."""
        random = np.random.default_rng(0)
        areas: dict[str, list[float]] = {"chip": [], "gradcam": [], "random": []}
        cut = self.model.cut(layer)
        channels = cut.layer.channels
        for example in Creatures(count, SCORED, two=False):
            target = Target(example.instances[0].label, "it")
            pixels, _ = self.model.prepare(example.image)
            gates = cut.gates(cut.prefix(pixels[None]))
            weights = self.known.row(layer, target)[0]
            orders = {
                "chip": [np.argsort(-weights, kind="stable")],
                "gradcam": [np.argsort(-np.abs(self._slopes(pixels, layer, target)[0]))],
                "random": [random.permutation(channels) for _ in range(RANDOM_ORDERS)],
            }
            for name, listed in orders.items():
                states = torch.from_numpy(np.concatenate([_closing(each) for each in listed]))
                scores = target.select(self.model.probabilities(gates(states)))
                areas[name].append(float(scores.mean()))
        found = {name: np.array(each) for name, each in areas.items()}
        return {
            "area": {name: round(float(each.mean()), 4) for name, each in found.items()},
            "chip_less_random": _plain(compare(found["chip"], found["random"], _generator())),
            "chip_less_gradcam": _plain(compare(found["chip"], found["gradcam"], _generator())),
        }

    def _maps(self, image: np.ndarray, target: Target) -> Iterator[tuple[str, np.ndarray]]:
        view = ChipView(self.model, image, 0, self.known, self.params)
        maps = {layer: view.map(layer, target) for layer in self.params.layer}
        pixels, placement = self.model.prepare(image)
        for layer in self.params.layer:
            yield f"chip {layer}", maps[layer]
            slopes, activation = self._slopes(pixels, layer, target)
            cells = np.tensordot(slopes, activation, 1)
            field = self.model.layer(layer).field
            yield f"gradcam {layer}", placement.to_image(placement.grid_to_input(cells, field))
        first = self.params.layer[0]
        for other in self.params.layer[1:]:
            yield f"refined {first} x {other}", refine([maps[other], maps[first]], "product")
        yield "centre", centred_gaussian(image.shape[:2])

    def _slopes(
        self, pixels: torch.Tensor, layer: str, target: Target
    ) -> tuple[np.ndarray, np.ndarray]:
        """Grad-CAM's weights (K,) and the activation (K, h, w)."""
        cut = self.model.cut(layer)
        frontier = cut.prefix(pixels[None])
        maps = frontier.activation[0]
        ones = torch.eye(len(maps))[:, :, None, None].expand(-1, -1, *maps.shape[1:])
        slopes = cut.derivative(frontier, ones, [target], "logit")[:, 0] / maps[0].numel()
        return slopes.numpy(), maps.numpy()

    @cached_property
    def model(self) -> ModelAdapter:
        return open_model(self.name, ModelOptions(device="cpu"), Registry.load())

    @cached_property
    def known(self) -> ChipKnowledge:
        count = 15 * (self.params.images or 1)
        data = Creatures(count, LEARNED, two=False)
        return ChipKnowledge.read(Chip(self.params).fit(self.model, data, Context()))


def _union(seen: Seen) -> Box:
    return seen.union


def _object(seen: Seen) -> Box:
    return seen.instance.box


def _closing(order: np.ndarray) -> np.ndarray:
    """Gates (K + 1, K): none closed, then one more each time."""
    states = np.ones((len(order) + 1, len(order)), np.uint8)
    for step, channel in enumerate(order):
        states[step + 1 :, channel] = 0
    return states


def _differences(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> dict[str, Any]:
    return {key: _plain(compare(first[key], second[key], _generator())) for key in first}


def _plain(measured: Measurement) -> list[float]:
    return [round(float(each or 0), 3) for each in (measured.value, measured.low, measured.high)]


def _generator() -> np.random.Generator:
    return np.random.default_rng(0)


if __name__ == "__main__":
    main()
