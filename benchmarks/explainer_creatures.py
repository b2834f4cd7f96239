"""Explainers of a creatures network on crops of creatures: parts, and what is lost on the way.

python benchmarks/explainer_creatures.py [--model M --images N --test N --seeds N]
Writes benchmarks/results/explainer_MODEL.json; goes on where it was stopped. Each seed's explainer
and its control, which has no filter loss, see the same images in the same order. Crops are squares
of 1.25 times the box's longer side: on the boxes themselves, stretched to the input, both networks
answer at chance, as they have never seen creatures of that size and form.
"""

from __future__ import annotations

import argparse
from typing import Any

from cached import Cached
from explainer_study import Measures, Study, parts
from study import parse, recipe_folder, report, seeds

from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp_creatures.dataset import Creatures
from interp_explainer.object_crop import ObjectCrops

SIZES = {"images": 2000, "test": 1000, "seeds": 3}
SCORED, EXPLORED = (5_600_000, 5_700_000), (5_400_000, 5_500_000)
"""Seeds of the images: train, test."""
MARGIN = 1.25
RECIPES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "creatures-vgg": ({}, ("relu1", "relu2")),
    "creatures-resnet": ({"layer": "stage3.0"}, ("stage3", "pool")),
}
"""Parameters of the fit, and the layers that are then rebuilt."""
MEASURES: Measures = {
    **parts(),
    "accuracy": {"metric": "rebuilt-accuracy"},
    "p": {"metric": "part-share"},
}
PERFORMER: Measures = {
    **parts(of="performer"),
    **{f"{name}_top": measure for name, measure in parts(of="performer", layer="stage3").items()},
    "accuracy": {"metric": "rebuilt-accuracy", "of": "performer"},
}


def main() -> None:
    arguments = parse(__doc__, "explainer_creatures", model="creatures-vgg", **SIZES)
    study = _study(arguments)
    name = f"explainer_{arguments.model.replace('-', '_')}"
    report(arguments, name, study.work, study.report())


def _study(arguments: argparse.Namespace) -> Study:
    train, test = EXPLORED if arguments.explore else SCORED
    recipe, rebuilt = RECIPES[arguments.model]
    params: dict[str, Any] = {**recipe, "epochs": 20, **arguments.set}
    errors = {f"error_{each}": {"metric": "rebuilding-error", "layer": each} for each in rebuilt}
    return Study(
        model=open_model(arguments.model, ModelOptions(), Registry.load()),
        train=Cached(ObjectCrops(Creatures(arguments.images, train, two=False), MARGIN)),
        test=Cached(ObjectCrops(Creatures(arguments.test, test, two=False), MARGIN)),
        params=params,
        seeds=seeds(arguments),
        work=recipe_folder(arguments, arguments.model, arguments.images, arguments.test, params),
        measures={**MEASURES, **errors},
        performer=PERFORMER,
    )


if __name__ == "__main__":
    main()
