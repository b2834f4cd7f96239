"""Explainers of creatures-vgg on box crops of creatures: parts, and what is lost on the way.

python benchmarks/explainer_creatures.py [--images N --test N --epochs N --seeds N --explore]
Writes benchmarks/results/explainer_creatures.json; goes on where it was stopped. Each seed's
explainer and its control, which has no filter loss, see the same images in the same order.
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

from interp.registry import Registry
from interp.source import open_model
from interp.spec import ModelOptions
from interp_creatures.dataset import Creatures
from interp_explainer.crop import Crops

HERE = Path(__file__).parent
WORK = HERE.parent / "build" / "explainer_creatures"
SCORED, EXPLORED = (5_600_000, 5_700_000), (5_400_000, 5_500_000)
"""Seeds of the images: train, test."""
MEASURES: Measures = {
    **parts(),
    "error": {"metric": "rebuilding-error"},
    "error_first": {"metric": "rebuilding-error", "layer": "relu1"},
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
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--test", type=int, default=1500)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--filter-share", type=float, default=0.05)
    parser.add_argument("--contribution", type=float, default=0.1)
    parser.add_argument("--start", choices=["drawn", "copied"], default="drawn")
    parser.add_argument("--explore", action="store_true")
    asked = parser.parse_args()
    found = {"written": datetime.now(UTC).isoformat(timespec="seconds"), **_study(asked).report()}
    named = WORK / "explored.json" if asked.explore else HERE / "results/explainer_creatures.json"
    named.parent.mkdir(parents=True, exist_ok=True)
    named.write_text(json.dumps(found, indent=2) + "\n")
    shown = ("performer", "explainer_less_control", "params")
    print(json.dumps({key: found[key] for key in shown}, indent=2))


def _study(asked: argparse.Namespace) -> Study:
    train, test = EXPLORED if asked.explore else SCORED
    params: dict[str, Any] = {
        "epochs": asked.epochs,
        "filter_share": asked.filter_share,
        "contribution": asked.contribution,
        "start": asked.start,
    }
    name = "-".join(str(each) for each in (asked.images, asked.test, *params.values()))
    first = 100 if asked.explore else 1
    return Study(
        model=open_model("creatures-vgg", ModelOptions(), Registry.load()),
        train=Kept(Crops(Creatures(asked.images, train, two=False))),
        test=Kept(Crops(Creatures(asked.test, test, two=False))),
        params=params,
        seeds=tuple(range(first, first + asked.seeds)),
        work=WORK / f"{'explored' if asked.explore else 'scored'}-{name}",
        measures=MEASURES,
        performer=PERFORMER,
    )


if __name__ == "__main__":
    main()
