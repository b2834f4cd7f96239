"""Where CHIP, its refinement and its peers look on photographs of animals, with MobileNetV2.

python benchmarks/chip_animals.py [--data DIR --masks N --output prob|logit]
Writes benchmarks/results/chip_animals.json. Half of the images of each class are learned from and
give every method its threshold; the other half is scored. The class is known; a box is right at
IoU .5. All maps are placed by receptive-field centres. Grad-CAM is taken of the PyTorch export,
everything else of the ONNX file, which is faster. Controls: Grad-CAM refined by the same product of
layers, and a centred Gaussian, alone and times each map.
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
from channel_deletion import ablation_map
from localization import Localization, Score, Truth, rows
from photographs import NORMALISED, Animals
from record import DATA, record

from interp.context import Context
from interp.dataset import Example
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
from interp_standard.baseline import centred_gaussian

LAYERS = ("blocks.12", "blocks.16", "head")
REFINED = {"refined 12 x 16": LAYERS[:2], "refined 12 x head": (LAYERS[0], LAYERS[2])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--masks", type=int, default=400)
    parser.add_argument("--output", default="prob", choices=["prob", "logit", "logprob"])
    arguments = parser.parse_args()
    study = Study(arguments.data, arguments.masks, arguments.output)
    found = {
        "masks_per_image": arguments.masks,
        "output": arguments.output,
        **study.report(),
    }
    record("chip_animals", found)


@dataclass(frozen=True, eq=False)
class Study:
    """One fit, and every method's maps on both halves."""

    data: Path
    masks: int
    output: str

    def report(self) -> dict[str, Any]:
        """Each method's table row, and CHIP less Grad-CAM at each layer."""
        learned, scored = (
            Animals(self.data / "animal_parts", "imagenet1k_index", chosen=range(start, 1 << 30, 2))
            for start in (0, 1)
        )
        params = ChipParams(layer=LAYERS, masks=self.masks, images=None, output=self.output)  # type: ignore[arg-type]
        knowledge = Chip(params).fit(self.model, learned, Context())
        known = ChipKnowledge.read(knowledge)
        halves = [self._maps(each, known, params) for each in (learned, scored)]
        truths = [[_truth(example) for example in each] for each in (learned, scored)]
        scores = {}
        for name in halves[0]:
            how = Localization.tuned(halves[0][name], truths[0])
            scores[name] = how.score(halves[1][name], truths[1])
        generator = np.random.default_rng(0)
        return {
            "images": {"learned": len(learned), "scored": len(scored)},
            "knowledge": knowledge.about["layers"],
            "table": {name: _row(each) for name, each in scores.items()},
            "chip_less_gradcam": {
                layer: _difference(scores[f"chip {layer}"], scores[f"gradcam {layer}"], generator)
                for layer in LAYERS
            },
            "refined_less": {
                other: _difference(scores["refined chip 12 x 16"], scores[other], generator)
                for other in ("chip blocks.12", "refined gradcam 12 x 16", "centre x gradcam head")
            },
        }

    def _maps(
        self, data: Animals, known: ChipKnowledge, params: ChipParams
    ) -> dict[str, list[np.ndarray]]:
        """Every method's maps (H, W), image by image."""
        found: dict[str, list[np.ndarray]] = {}
        for example in data:
            for name, values in self._image(example, data, known, params):
                found.setdefault(name, []).append(values.astype(np.float32))
        return found

    def _image(
        self, example: Example, data: Animals, known: ChipKnowledge, params: ChipParams
    ) -> Iterator[tuple[str, np.ndarray]]:
        target = Target(int(data.classes[example.label or 0]), "it")
        view = ChipView(self.model, example.image, 0, known, params)
        centre = centred_gaussian(example.image.shape[:2])
        chip = {layer: view.map(layer, target) for layer in LAYERS}
        gradcam = {layer: self._gradcam(example.image, layer, target) for layer in LAYERS}
        for method, maps in (("chip", chip), ("gradcam", gradcam)):
            for layer in LAYERS:
                yield f"{method} {layer}", maps[layer]
                yield f"centre x {method} {layer}", refine([centre, maps[layer]], "product")
            for name, layers in REFINED.items():
                pair = [maps[layer] for layer in layers]
                yield name.replace("refined", f"refined {method}"), refine(pair, "product")
        for layer in LAYERS:
            yield f"ablation {layer}", ablation_map(self.model, example.image, layer, target)
        yield "cam head", self._cam(example.image, target)
        yield "centre", centre

    def _gradcam(self, image: np.ndarray, layer: str, target: Target) -> np.ndarray:
        """sum_k mean(d logit / d A_k) A_k."""
        pixels, placement = self.program.prepare(image)
        cut = self.program.cut(layer)
        frontier = cut.prefix(pixels[None])
        maps = frontier.activation[0]
        ones = torch.eye(len(maps))[:, :, None, None].expand(-1, -1, *maps.shape[1:])
        slopes = torch.cat(
            [cut.derivative(frontier, each, [target], "logit")[:, 0] for each in ones.split(128)]
        )
        cells = torch.einsum("k,khw->hw", slopes, maps).numpy()
        return placement.to_image(placement.grid_to_input(cells, cut.layer.field))

    def _cam(self, image: np.ndarray, target: Target) -> np.ndarray:
        """sum_k of the classifier's own weights times A_k, of the last map."""
        pixels, placement = self.program.prepare(image)
        layer = self.program.layer("head")
        maps = self.program.activations(pixels[None], ["head"])["head"][0]
        cells = torch.einsum("k,khw->hw", self._classifier[target.index], maps).numpy()
        return placement.to_image(placement.grid_to_input(cells, layer.field))

    @cached_property
    def model(self) -> ModelAdapter:
        return self._open("mobilenet_v2.onnx")

    @cached_property
    def program(self) -> ModelAdapter:
        return self._open("mobilenet_v2.pt2")

    @cached_property
    def _classifier(self) -> torch.Tensor:
        """The last layer's weights (K, C), by its answers to one channel at a time."""
        cut = self.program.cut("head")
        frontier = cut.prefix(torch.zeros(1, 3, 224, 224))
        shape = frontier.activation.shape
        eye = torch.eye(shape[1])[:, :, None, None].expand(-1, -1, *shape[2:])
        empty = cut.suffix(frontier, torch.zeros(shape))
        return (torch.cat([cut.suffix(frontier, each) for each in eye.split(128)]) - empty).T

    def _open(self, name: str) -> ModelAdapter:
        path = self.data / "imagenet" / name
        options = ModelOptions(device="cpu", input=NORMALISED)
        return open_model(str(path), options, Registry.load())


def _truth(example: Example) -> Truth:
    return Truth(example.image.shape[:2], [each.box for each in example.instances])


def _row(score: Score) -> dict[str, float]:
    """Share of images right, on all and on small objects."""
    small = score.size < 0.3
    right = score.iou >= 0.5
    values = {
        "localized": right,
        "pointing": score.pointing,
        "energy": score.energy,
    }
    return {
        f"{name}{group}": round(float(value[chosen].mean()), 3)
        for name, value in values.items()
        for group, chosen in (("", np.ones_like(small)), (" small", small))
        if chosen.any()
    }


def _difference(first: Score, second: Score, generator: np.random.Generator) -> dict[str, Any]:
    """First minus second with the 95 % interval, paired over images."""
    found = {}
    for row in rows(first, second, generator):
        if row.group == "all":
            found[row.metric] = _plain(row.difference)
    return found


def _plain(measured: Measurement) -> list[float]:
    return [round(float(each or 0), 3) for each in (measured.value, measured.low, measured.high)]


if __name__ == "__main__":
    main()
