"""What CHIP claims, measured on creatures, where the truth is known: channels and places.

python benchmarks/chip_creatures.py [--scored N --masks N]
Writes benchmarks/results/chip_creatures.json; what was learned is kept in the work folder. Both
shipped networks. Images learned from, images that give thresholds, and images that are scored come
from different seeds. Intervals are 95 %, paired over images. Beside CHIP's maps stand Grad-CAM's,
both refined by the same product of layers and both times a centred Gaussian, and the Gaussian
alone. Channels close in the order of w, of the slope (signed, as Grad-CAM weights them, and its
absolute value), of what closing each one alone costs, and at random; of w and of the slope also
times the channel's sum in the image, which is how much each says that the channel contributes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from channel_deletion import deletion_areas, single_drops, slopes
from localization import best_share, sweep
from record import print_progress, record
from study import BUILD

from interp.dataset import Box, Instance
from interp.evaluation.bootstrap import compare
from interp.knowledge import Knowledge
from interp.metric import Measurement
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.request import Request
from interp.run import fit
from interp.session import Session
from interp.spec import ModelOptions
from interp.target import Target
from interp_chip.knowledge import ChipKnowledge
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
    parser.add_argument("--masks", type=int, default=500, help="networks per image")
    parser.add_argument("--images", type=int, default=20, help="per class, to learn from")
    parser.add_argument("--models", nargs="+", default=list(LAYERS))
    parser.add_argument("--out", type=Path, help="instead of benchmarks/results")
    parser.add_argument("--work", type=Path, default=BUILD / "chip_creatures")
    arguments = parser.parse_args()
    params = {"masks": arguments.masks, "images": arguments.images}
    found: dict[str, Any] = {
        "learned_from": params,
        "scored": arguments.scored,
    }
    for name in arguments.models:
        layers = ChipParams(layer=LAYERS[name], **params)
        found[name] = Study(name, layers, arguments.work).report(arguments.scored)
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
    work: Path

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
            "chip_less_control": {
                f"{name} less {control}": _differences(values[name], values[control])
                for name, control in _controlled(names)
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
        for what, box in (("parts", _union), ("object", _object)):
            swept = np.array([sweep(each.maps[name], [box(each)])[0] for each in tuned])
            for accept in (0.3, 0.5, 0.7) if what == "object" else (0.3, 0.5):
                share = best_share(swept, accept)
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
        areas: dict[str, list[float]] = {}
        cut = self.model.cut(layer)
        for example in Creatures(count, SCORED, two=False):
            target = Target(example.instances[0].label, "it")
            frontier = cut.prefix(self.model.prepare(example.image)[0][None])
            weights = self.known.row(layer, target)[0]
            slope = slopes(cut, frontier, target)
            total = frontier.activation[0].sum((1, 2)).numpy()
            orders = {
                "chip": weights,
                "chip x sum": weights * total,
                "slope": slope,
                "slope x sum": slope * total,
                "|slope|": np.abs(slope),
                "single drop": single_drops(self.model, cut, frontier, target),
                **{f"random {at}": random.permutation(len(slope)) for at in range(RANDOM_ORDERS)},
            }
            found = deletion_areas(self.model, cut, frontier, target, orders)
            for name in (each for each in orders if not each.startswith("random")):
                areas.setdefault(name, []).append(found[name])
            drawn = [value for name, value in found.items() if name.startswith("random")]
            areas.setdefault("random", []).append(float(np.mean(drawn)))
        values = {name: np.array(each) for name, each in areas.items()}
        return {
            "area": {name: round(float(each.mean()), 4) for name, each in values.items()},
            "chip_less": {
                name: _plain(compare(values["chip"], each, _generator()))
                for name, each in values.items()
                if name != "chip"
            },
        }

    def _maps(self, image: np.ndarray, target: Target) -> Iterator[tuple[str, np.ndarray]]:
        view = ChipView(self.model, image, 0, self.known, self.params)
        layers = self.params.layer
        chip = {layer: view.map(layer, target) for layer in layers}
        gradcam = {layer: self._gradcam(image, layer, target) for layer in layers}
        centre = centred_gaussian(image.shape[:2])
        for method, maps in (("chip", chip), ("gradcam", gradcam)):
            for layer in layers:
                yield f"{method} {layer}", maps[layer]
                yield f"centre x {method} {layer}", refine([centre, maps[layer]], "product")
            for other in layers[1:]:
                pair = [maps[other], maps[layers[0]]]
                yield f"refined {method} {layers[0]} x {other}", refine(pair, "product")
        yield "centre", centre

    def _gradcam(self, image: np.ndarray, layer: str, target: Target) -> np.ndarray:
        """sum_k of Grad-CAM's weights times A_k."""
        pixels, placement = self.model.prepare(image)
        cut = self.model.cut(layer)
        frontier = cut.prefix(pixels[None])
        maps = frontier.activation[0].numpy()
        cells = np.tensordot(slopes(cut, frontier, target), maps, 1)
        return placement.to_image(placement.grid_to_input(cells, cut.layer.field))

    @cached_property
    def model(self) -> ModelAdapter:
        return open_model(self.name, ModelOptions(device="cpu"), Registry.load())

    @cached_property
    def known(self) -> ChipKnowledge:
        count = 15 * (self.params.images or 1)
        data, registry = Creatures(count, LEARNED, two=False), Registry.load()
        folder = self.work / f"{self.name}-{self.params.images}-{self.params.masks}"
        if not folder.is_dir():
            given = self.params.model_dump(mode="json", exclude_unset=True)
            session = Session(registry, self.model, print_progress(self.name))
            fit(Request(method="chip", params=given), session, dataset=data, out=folder)
        return ChipKnowledge.read(Knowledge.open(folder))


def _controlled(names: list[str]) -> Iterator[tuple[str, str]]:
    """CHIP's refined maps and the map each is to be held against."""
    for name in names:
        if name.startswith("refined chip"):
            pair = name.removeprefix("refined chip ")
            yield name, f"refined gradcam {pair}"
            yield name, f"centre x gradcam {pair.split(' x ')[0]}"
            for layer in pair.split(" x "):
                yield name, f"chip {layer}"


def _union(seen: Seen) -> Box:
    return seen.union


def _object(seen: Seen) -> Box:
    return seen.instance.box


def _differences(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> dict[str, Any]:
    return {key: _plain(compare(first[key], second[key], _generator())) for key in first}


def _plain(measured: Measurement) -> list[float]:
    return [round(float(each or 0), 3) for each in (measured.value, measured.low, measured.high)]


def _generator() -> np.random.Generator:
    return np.random.default_rng(0)


if __name__ == "__main__":
    main()
