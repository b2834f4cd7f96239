"""Explainers of a creatures network on crops of creatures: parts, and what is lost on the way.

python benchmarks/explainer_creatures.py [--model M --images N --test N --epochs N --seeds N]
Writes benchmarks/results/explainer_MODEL.json; goes on where it was stopped. Each seed's explainer
and its control, which has no filter loss, see the same images in the same order. Crops are squares
of 1.25 times the box's longer side: on the boxes themselves, stretched to the input, both networks
answer at chance, as they have never seen creatures of that size and form.
--explore learns and measures on other images and writes beside its work, for choosing parameters.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from explainer_study import Measures, Study, parts
from kept import Kept

from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp_creatures.dataset import Creatures
from interp_explainer.object_crop import ObjectCrops

HERE = Path(__file__).parent
WORK = HERE.parent / "build" / "explainer_creatures"
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
    **{f"{name}_top": said for name, said in parts(of="performer", layer="stage3").items()},
    "accuracy": {"metric": "rebuilt-accuracy", "of": "performer"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=list(RECIPES), default="creatures-vgg")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--test", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--explore", action="store_true")
    asked = parser.parse_args()
    found = {"written": datetime.now(UTC).isoformat(timespec="seconds"), **_study(asked).report()}
    named = WORK / "explored.json"
    if not asked.explore:
        named = HERE / "results" / f"explainer_{asked.model.replace('-', '_')}.json"
    named.parent.mkdir(parents=True, exist_ok=True)
    named.write_text(json.dumps(found, indent=2) + "\n")
    shown = ("performer", "gap_closed", "explainer_less_control", "params")
    print(json.dumps({key: found[key] for key in shown}, indent=2))


def _study(asked: argparse.Namespace) -> Study:
    train, test = EXPLORED if asked.explore else SCORED
    recipe, rebuilt = RECIPES[asked.model]
    said = {name: json.loads(value) for name, value in (each.split("=") for each in asked.set)}
    params: dict[str, Any] = {**recipe, "epochs": asked.epochs, **said}
    errors = {f"error_{each}": {"metric": "rebuilding-error", "layer": each} for each in rebuilt}
    name = "-".join(map(str, (asked.model, asked.images, asked.test, *params.values())))
    first = 100 if asked.explore else 1
    return Study(
        model=open_model(asked.model, ModelOptions(), Registry.load()),
        train=Kept(ObjectCrops(Creatures(asked.images, train, two=False), MARGIN)),
        test=Kept(ObjectCrops(Creatures(asked.test, test, two=False), MARGIN)),
        params=params,
        seeds=tuple(range(first, first + asked.seeds)),
        work=WORK / f"{'explored' if asked.explore else 'scored'}-{name}",
        measures={**MEASURES, **errors},
        performer=PERFORMER,
    )


if __name__ == "__main__":
    main()
