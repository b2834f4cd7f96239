"""Whether maps of a part's class lie on that part: `interp evaluate` on creatures-segmenter.

PYTHONPATH=benchmarks python benchmarks/segmenter_maps.py [--limit 100]
Writes benchmarks/results/segmenter_maps.json. Each image is explained for one of its parts, whose
score is the mean probability over the pixels where the model finds it. What was measured is kept,
so a stopped run goes on.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from evaluated import evaluated
from record import record

from interp.context import Budget
from interp.dataset import Dataset, Example, Instance
from interp.evaluation.request import EvaluationRequest
from interp.request import Choice
from interp_creatures.dataset import Creatures
from interp_creatures.draw import tight_box
from interp_creatures.segmenter import PARTS

METHODS = ("gradcam", "channel-ablation", "rise", "mint", "chip")
SHOWN = ("body", "head", "tail", "legs")
"""The parts that every creature has."""
SAMPLES = 400
SEED = 9_100_000
NEAR = 4
"""Pixels from the part at which a map's maximum still hits it."""


@dataclass(frozen=True, eq=False)
class PartImages(Dataset):
    """One creature an image, each with one of its parts as the object: body, head, tail, legs."""

    count: int
    classes = PARTS

    @property
    def creatures(self) -> Creatures:
        return Creatures(self.count, SEED, two=False)

    @property
    def fingerprint(self) -> str:
        return f"parts of {self.creatures.fingerprint}"

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        example, name = self.creatures[index], SHOWN[index % len(SHOWN)]
        label = PARTS.index(name)
        mask = next(each.mask for each in example.instances[0].parts if each.name == name)
        part = Instance(label, tight_box(mask), mask)
        return replace(example, label=label, instances=(part,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--keep", type=Path, default=Path("build/segmenter_maps"))
    arguments = parser.parse_args()
    request = EvaluationRequest(
        methods=tuple(Choice(name=each) for each in METHODS),
        metrics=(Choice(name="pointing", params={"tolerance": NEAR}), Choice(name="energy-mask")),
        model="creatures-segmenter",
        limit=arguments.limit,
        budget=Budget(samples=SAMPLES),
    )
    found = evaluated(request, PartImages(arguments.limit), arguments.keep)
    record("segmenter_maps", {"samples": SAMPLES, "seed": SEED, **found})


if __name__ == "__main__":
    main()
