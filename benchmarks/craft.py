"""CRAFT's importances of ten concepts: what they cost beside the bare suffix passes.

python benchmarks/craft.py [--rounds N --masks N]
Writes benchmarks/results/craft.json. One image, random weights, several layers. The bare passes run
the suffix as often on the masks' own activations, which are there already, in the batch size that
is fastest for them, which the masks get too. The masks' cost is to draw them, decode them, run the
suffix and estimate; what an image costs once, its prefix and its coefficients, is told apart. Both
alternate; seconds are the process's CPU seconds, and ratios are medians over rounds.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from record import cpu_seconds, record

from interp.context import Budget, Context
from interp.cut import Cut, Frontier
from interp.memory import Memory
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp_concept.decoding import SETS, EncodedImage, masked_scores
from interp_concept.sobol import draw_masks, total_indices

PLACES = {
    "creatures-vgg": ("stage2", "stage3"),
    "torchvision:resnet18": ("layer2", "layer3", "layer4"),
    "torchvision:resnet50": ("layer3", "layer4"),
}
CONCEPTS = 10
BATCHES = (8, 16, 32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--masks", type=int, default=1000)
    parser.add_argument("--models", nargs="+", default=list(PLACES))
    arguments = parser.parse_args()
    found: dict[str, Any] = {"masks": arguments.masks, "concepts": CONCEPTS}
    found["threads"] = torch.get_num_threads()
    for name in arguments.models:
        weights = None if name.startswith("creatures") else "random"
        model = open_model(name, ModelOptions(device="cpu", weights=weights), Registry.load())
        for layer in PLACES[name]:
            found[f"{name} {layer}"] = Place(model, layer, arguments.masks).report(arguments.rounds)
            record("craft", found)


@dataclass(frozen=True, eq=False)
class Place:
    """A layer of a model, and one image at it."""

    model: ModelAdapter
    layer: str
    masks: int

    def report(self, rounds: int) -> dict[str, Any]:
        """Seconds of the masks, the image and the bare passes, and their ratios."""
        batch = min(BATCHES, key=lambda size: cpu_seconds(lambda: self.bare(size)))
        self.importances(self.encoded(), batch)  # a first pass warms up
        ours, bare, once = (np.zeros(rounds) for _ in range(3))
        for turn in range(rounds):
            image: list[EncodedImage] = []
            once[turn] = cpu_seconds(lambda kept=image: kept.append(self.encoded()))
            ours[turn] = cpu_seconds(lambda kept=image: self.importances(kept[0], batch))
            bare[turn] = cpu_seconds(lambda: self.bare(batch))
        medians = {"masks": ours, "image": once, "bare": bare}
        return {
            "count": self.count,
            "batch": batch,
            "seconds": {name: round(float(np.median(each)), 3) for name, each in medians.items()},
            "ratio": round(float(np.median(ours / bare)), 3),
            "ratio_with_image": round(float(np.median((ours + once) / bare)), 3),
            "ratios": (ours / bare).round(3).tolist(),
        }

    def encoded(self) -> EncodedImage:
        """The image's activation, and its coefficients."""
        image = EncodedImage(self.model, self.cut, self.cut.prefix(self.pixels), self.bank)
        image.parts  # noqa: B018 - computed when first asked for
        return image

    def importances(self, image: EncodedImage, batch: int) -> None:
        """The indices of one target, with no answers in the cache."""
        context = Context(budget=Budget(batch_size=batch), memory=Memory())
        scores = masked_scores(image, self.masks, False, "logit", context)
        total_indices(scores[..., [0]], CONCEPTS)

    def bare(self, batch: int) -> None:
        """The suffix on the masks' activations, which are there: a copy of one would be faster."""
        for each in self.activations.split(batch):
            self.cut.suffix(self.frontier, each)

    @property
    def count(self) -> int:
        return self.masks // (SETS * (CONCEPTS + 2)) * SETS * (CONCEPTS + 2)

    @cached_property
    def activations(self) -> torch.Tensor:
        """What the masks make of the image's activation, (count, C, h, w)."""
        rows = self.count // (SETS * (CONCEPTS + 2))
        masks = [draw_masks(CONCEPTS, rows, 0, number) for number in range(SETS)]
        return torch.tensordot(torch.cat(masks), self.encoded().parts, 1)

    @cached_property
    def pixels(self) -> torch.Tensor:
        shape = (1, 3, *self.model.spec.input.size)
        return torch.from_numpy(np.random.default_rng(0).random(shape, np.float32))

    @cached_property
    def cut(self) -> Cut:
        return self.model.cut(self.layer)

    @cached_property
    def frontier(self) -> Frontier:
        return self.cut.prefix(self.pixels)

    @cached_property
    def bank(self) -> torch.Tensor:
        channels = self.frontier.activation.shape[1]
        return torch.from_numpy(np.random.default_rng(1).random((CONCEPTS, channels), np.float32))


if __name__ == "__main__":
    main()
