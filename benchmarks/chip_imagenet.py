"""ILSVRC's weakly supervised localization with MobileNetV2: CHIP, its refinement and its peers.

python benchmarks/chip_imagenet.py [--layers head blocks.16 blocks.12 --masks N]
Writes benchmarks/results/chip_imagenet.json; goes on where it was stopped. 650 validation images
in two halves: what is learned of one half, W and every method's threshold, is used on the other, so
that each image is scored once, by what never saw it. W's rows are solved of the classes that occur,
each of which learns from all images of the half, also where none is of that class. A box is right
at IoU .5 with any box of the class. Top-1 and top-5 error ask besides that the network answer so.
Grad-CAM and CAM are taken of the PyTorch export, everything else of the ONNX file, which is faster.
RISE is run on the first images of each half.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from channel_deletion import ablation_map, slopes
from localization import ACCEPT, SHARES, Score, Truth, best_share, score, sweep
from photographs import IMAGENET, NORMALISED, Photographs
from record import print_progress, record
from study import BUILD

from interp.dataset import Dataset, Example
from interp.evaluation.bootstrap import compare, estimate
from interp.knowledge import Knowledge
from interp.metric import Measurement
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.request import Request
from interp.run import fit, run
from interp.session import Session
from interp.spec import ModelOptions
from interp.storage.pixel import LoadedImage
from interp.target import Target, index_text
from interp_chip.knowledge import ChipKnowledge
from interp_chip.params import ChipParams
from interp_chip.view import ChipView, refine
from interp_standard.baseline import centred_gaussian

LAYERS = ("head", "blocks.16", "blocks.12")
"""From deep to shallow."""
ABLATED = ("head", "blocks.16")
SMALL = 0.3
HALVES = (0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", nargs="+", default=list(LAYERS), choices=LAYERS)
    parser.add_argument("--masks", type=int, default=1000, help="networks per image")
    parser.add_argument("--rise", type=int, default=50, help="images of each half")
    parser.add_argument("--images", type=int, default=650)
    parser.add_argument("--work", type=Path, default=BUILD / "chip_imagenet")
    parser.add_argument("--out", type=Path, help="instead of benchmarks/results")
    arguments = parser.parse_args()
    study = Study(**{k: v for k, v in vars(arguments).items() if k != "out"})
    record("chip_imagenet", study.report(), arguments.out)


@dataclass(frozen=True, eq=False)
class Half(Dataset):
    """Every other of the chosen images; classes are those that occur in any of them."""

    whole: Photographs
    images: tuple[int, ...]
    labels: tuple[int, ...]
    """Indices of the classes among the model's, in order."""

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.whole.ids[each] for each in self.labels)

    @property
    def fingerprint(self) -> str:
        return f"{self.whole.fingerprint} {self.images}"

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Example:
        found = self.whole[self.images[index]]
        return replace(found, label=self.labels.index(found.label or 0))


@dataclass(frozen=True, eq=False)
class Study:
    """One run of the benchmark."""

    layers: list[str]
    masks: int
    rise: int
    images: int
    work: Path

    def report(self) -> dict[str, Any]:
        """Each method's errors on all images, and differences from the fairest controls."""
        scores = {half: dict(self._scored(half)) for half in HALVES}
        table = {name: _joined([scores[half][name] for half in HALVES]) for name in scores[0]}
        known = {
            f"{layer}, half {half}": self._knowledge(layer, half).about["layers"][layer]
            for layer in self.layers
            for half in HALVES
        }
        return {
            "images": self.images,
            "masks_per_image": self.masks,
            "knowledge": known,
            "table": {name: _row(each) for name, each in table.items()},
            "differences": {
                f"{name} less {control}": _difference(table[name], table[control])
                for name, control in _pairs(list(table))
            },
        }

    def _scored(self, half: int) -> Iterator[tuple[str, Score]]:
        """Every method's score on a half, with the threshold of the other one."""
        mine, other = self._swept(half), self._swept(1 - half)
        truths = self._truths(half)
        for name, (maps, _) in mine.items():
            share = best_share(other[name][1], ACCEPT)
            found = score(maps, truths[: len(maps)], share)
            # boxes of the reduced map, as thresholds are chosen and `interp evaluate` measures
            yield name, replace(found, iou=mine[name][1][:, SHARES.tolist().index(share)])

    def _swept(self, half: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Each method's maps (N, H, W) of a half, and the boxes' IoU at each threshold (N, S)."""
        found = {}
        truths = self._truths(half)
        for name, maps in self._maps(half).items():
            pairs = zip(maps, truths, strict=False)  # RISE stops early
            swept = [sweep(values, truth.boxes)[0] for values, truth in pairs]
            found[name] = (maps, np.array(swept))
        return found

    def _truths(self, half: int) -> list[Truth]:
        """Boxes of each image of a half, and how many classes the network puts before its own."""
        file = self.work / f"rank-{self.images}-{half}.npy"
        if not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            np.save(file, np.array([self._rank(each) for each in self.halves[half]]))
        boxes = [[one.box for one in each.instances] for each in self.halves[half]]
        return [
            Truth((227, 227), each, rank=int(rank))
            for each, rank in zip(boxes, np.load(file), strict=True)
        ]

    def _rank(self, example: Example) -> int:
        scores = self.model.predict(self.model.prepare(example.image)[0][None])[0]
        return int((scores > scores[self.labels[example.label or 0]]).sum())

    def _maps(self, half: int) -> dict[str, np.ndarray]:
        """Every method's maps of a half, from the files where they are kept."""
        found: dict[str, np.ndarray] = {}
        for layer in self.layers:
            file = self.work / f"maps-{self.images}-{self.masks}-{layer}-{half}.npz"
            if not file.is_file():
                np.savez_compressed(file, **self._layer_maps(layer, half))
            found |= {f"{name} {layer}": each for name, each in np.load(file).items()}
        for method in ("chip", "gradcam"):
            for deep, shallow in combinations(self.layers, 2):
                pair = zip(found[f"{method} {shallow}"], found[f"{method} {deep}"], strict=True)
                maps = [refine(each, "product") for each in pair]
                found[f"refined {method} {shallow} x {deep}"] = np.array(maps)
        centre = centred_gaussian((227, 227)).astype(np.float32)
        for name in ("cam head", *(f"chip {layer}" for layer in self.layers)):
            if name in found:
                maps = [refine([centre, each], "product") for each in found[name]]
                found[f"centre x {name}"] = np.array(maps)
        count = len(self.halves[half])
        found["centre"] = np.repeat(centre[None], count, 0)
        found["whole image"] = np.ones((count, 227, 227), np.float32)
        return found | ({"rise": self._rise(half)} if self.rise else {})

    def _layer_maps(self, layer: str, half: int) -> dict[str, np.ndarray]:
        """Maps of one layer, by method: CHIP with what it learned of the other half."""
        known = ChipKnowledge.read(self._knowledge(layer, 1 - half))
        maps: dict[str, list[np.ndarray]] = {}
        progress = print_progress(f"maps of {layer}")
        for done, example in enumerate(self.halves[half]):
            progress("images", done, len(self.halves[half]))
            target = Target(self.labels[example.label or 0], "it")
            view = ChipView(self.model, example.image, 0, known, ChipParams(layer=(layer,)))
            each = {"chip": view.map(layer, target)}
            each |= self._slope_maps(example.image, layer, target)
            if layer in ABLATED:
                each["ablation"] = ablation_map(self.model, example.image, layer, target)
            for name, values in each.items():
                maps.setdefault(name, []).append(values.astype(np.float32))
        return {name: np.array(each) for name, each in maps.items()}

    def _slope_maps(self, image: np.ndarray, layer: str, target: Target) -> dict[str, np.ndarray]:
        """Grad-CAM, and at the last map CAM: there the slope is the classifier's own weight."""
        pixels, placement = self.program.prepare(image)
        cut = self.program.cut(layer)
        frontier = cut.prefix(pixels[None])
        weights = slopes(cut, frontier, target)
        cells = np.tensordot(weights, frontier.activation[0].numpy(), 1)
        found = placement.to_image(placement.grid_to_input(cells, cut.layer.field))
        return {"cam" if layer == "head" else "gradcam": found, "gradcam": found}

    def _rise(self, half: int) -> np.ndarray:
        """RISE's maps of the first images of a half, by its own defaults."""
        file = self.work / f"rise-{self.rise}-{half}.npy"
        if not file.is_file():
            session = Session(Registry.load(), self.model, print_progress("rise"))
            maps = []
            for at in range(min(self.rise, len(self.halves[half]))):
                example = self.halves[half][at]
                classes = self.model.spec.classes
                target = index_text(self.labels[example.label or 0], classes)
                image = [LoadedImage(example.image)]
                found = run(Request(method="rise", targets=(target,)), session, images=image)
                maps.append(found.explanation.map().astype(np.float32))
            np.save(file, np.array(maps))
        return np.asarray(np.load(file))

    def _knowledge(self, layer: str, half: int) -> Knowledge:
        """What CHIP learned of a layer from a half."""
        folder = self.work / f"learned-{self.images}-{self.masks}-{layer}-{half}"
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            params = {"layer": [layer], "masks": self.masks, "images": None}
            session = Session(Registry.load(), self.model, print_progress(folder.name))
            fit(
                Request(method="chip", params=params),
                session,
                dataset=self.halves[half],
                out=folder,
            )
        return Knowledge.open(folder)

    @cached_property
    def order(self) -> list[int]:
        """The images, in an order drawn once."""
        drawn: list[int] = np.random.default_rng(0).permutation(len(Photographs())).tolist()
        return drawn[: self.images]

    @cached_property
    def halves(self) -> tuple[Half, Half]:
        """The images by turns."""
        first, second = (
            Half(Photographs(), tuple(self.order[at::2]), self.labels) for at in HALVES
        )
        return first, second

    @cached_property
    def labels(self) -> tuple[int, ...]:
        """The classes that occur in the images, as the model counts them."""
        rows = Photographs().rows
        return tuple(sorted({int(rows[at][1]) for at in self.order}))

    @cached_property
    def model(self) -> ModelAdapter:
        return self._open("mobilenet_v2.onnx")

    @cached_property
    def program(self) -> ModelAdapter:
        return self._open("mobilenet_v2.pt2")

    def _open(self, name: str) -> ModelAdapter:
        names = Photographs().ids  # unlike the classes' names, each is there once
        options = ModelOptions(device="cpu", input=NORMALISED, classes=names)
        return open_model(str(IMAGENET / name), options, Registry.load())


def _joined(scores: list[Score]) -> Score:
    """Both halves' scores as one."""
    columns = zip(*(vars(each).values() for each in scores), strict=True)
    return Score(*(np.concatenate(each) for each in columns))


def _wrong(found: Score, first: float) -> np.ndarray:
    """Whether the box does not fit or the class is not among the network's first, (N,)."""
    return 1.0 - ((found.iou >= ACCEPT) & (found.rank < first))


def _values(found: Score) -> dict[str, np.ndarray]:
    """What is averaged over images, (N,) each; of small objects, (n,)."""
    known, small = _wrong(found, np.inf), found.size < SMALL
    return {
        "top-1 error": _wrong(found, 1),
        "top-5 error": _wrong(found, 5),
        "known-class error": known,
        "known-class error, small": known[small],
        "pointing error, small": 1 - found.pointing[small],
        "energy": found.energy,
    }


def _row(found: Score) -> dict[str, Any]:
    """Means with 95 % intervals over images."""
    values = _values(found)
    return {"images": len(found.iou), "small": int((found.size < SMALL).sum())} | {
        name: _plain(estimate(each, np.random.default_rng(0)))
        for name, each in values.items()
        if len(each)
    }


def _difference(first: Score, second: Score) -> dict[str, Any]:
    """First minus second on the images that both have, with 95 % intervals."""
    one, other = _values(first), _values(second)
    return {
        name: _plain(compare(each, other[name], np.random.default_rng(0)))
        for name, each in one.items()
        if 0 < len(each) == len(other[name])
    }


def _pairs(names: list[str]) -> Iterator[tuple[str, str]]:
    """What each CHIP map is to be held against, of the maps that there are."""
    for name in names:
        controls = [name.replace("chip", "gradcam"), "centre", "cam head", "centre x cam head"]
        if name.startswith("refined chip"):
            controls.append(f"centre x chip {name.split(' x ')[1]}")
        if name.startswith(("chip ", "refined chip ")):
            yield from ((name, each) for each in controls if each in names)


def _plain(measured: Measurement) -> list[float]:
    return [round(float(each or 0), 4) for each in (measured.value, measured.low, measured.high)]


if __name__ == "__main__":
    main()
