"""Explainers of MobileNetV2 on box crops of photographed animals: heads and front legs.

python benchmarks/explainer_animals.py [--data DIR --layer L --seeds N]
Writes benchmarks/results/explainer_animals.json; goes on where it was stopped. The layer is read
and the next in REBUILT rebuilt: a residual network, so this is our extension of the method. Crops
are squares about the object's box. Every other image of each animal is learned from, without labels
or parts; the others are measured on, each animal by itself: the filters' peaks about its head and
front legs. Beside them stand the channels of the layer that is read and of the network's last
convolution, and filters that never move.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cached import Cached
from explainer_study import Measures, Study
from photographs import NORMALISED, Animals
from record import DATA
from study import parse, recipe_folder, report, seeds

from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp_explainer.object_crop import ObjectCrops

REBUILT = {"blocks.12": "blocks.13", "blocks.16": "head"}
MEASURES: Measures = {"error": {"metric": "rebuilding-error"}, "p": {"metric": "part-share"}}


def main() -> None:
    arguments = parse(__doc__, "explainer_animals", data=str(DATA), layer="blocks.12", seeds=3)
    study = _study(arguments)
    report(arguments, "explainer_animals", study.work, study.report())


def _study(arguments: argparse.Namespace) -> Study:
    folder = Path(arguments.data)
    file, photographs = folder / "imagenet" / "mobilenet_v2.pt2", folder / "animal_parts"
    train, test = (range(start, 1 << 30, 2) for start in (0, 1))

    def crops(chosen: range, animal: str | None = None) -> Cached:
        return Cached(ObjectCrops(Animals(photographs, animal=animal, chosen=chosen), 1.0))

    scored = crops(test)
    params = {"layer": arguments.layer, "decode": [REBUILT[arguments.layer]], "epochs": 50}
    params |= arguments.set
    return Study(
        model=open_model(str(file), ModelOptions(input=NORMALISED), Registry.load()),
        train=crops(train),
        test=scored,
        params=params,
        seeds=seeds(arguments),
        work=recipe_folder(arguments, params),
        measures=MEASURES,
        performer={},
        tops=("head",),
        classes={name: crops(test, name) for name in scored.classes},
    )


if __name__ == "__main__":
    main()
