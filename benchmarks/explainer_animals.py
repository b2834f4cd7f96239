"""Explainers of MobileNetV2 on box crops of photographed animals: heads and front legs.

python benchmarks/explainer_animals.py [--data DIR --layer L --epochs N --seeds N]
Writes benchmarks/results/explainer_animals.json; goes on where it was stopped. The layer is read
and the next in REBUILT rebuilt: a residual network, so this is our extension of the method. Crops
are squares about the object's box. All images are learned from, without labels or parts, and all
are measured on, each animal by itself: the filters' peaks about its head and front legs.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from explainer_study import Measures, Study
from kept import Kept

from interp.dataset import Dataset, Example, Instance, Part
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp.storage.image import open_image
from interp_explainer.object_crop import ObjectCrops

HERE = Path(__file__).parent
DATA = HERE.parent.parent / "shared" / "data"
WORK = HERE.parent / "build" / "explainer_animals"
NORMALISED: dict[str, object] = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
"""What this network was trained with; its files do not say so."""
REBUILT = {"blocks.12": "blocks.13", "blocks.16": "head"}
MEASURES: Measures = {"error": {"metric": "rebuilding-error"}, "p": {"metric": "part-share"}}


@dataclass(frozen=True, eq=False)
class Animals(Dataset):
    """Photographs of all animals or of one, with the places of its head and front legs."""

    folder: Path
    animal: str | None = None

    @cached_property
    def entries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self.folder / "annotations.json").read_text())
        return [each for each in found if self.animal in (None, each["name"])]

    @cached_property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(sorted({each["name"] for each in self.entries}))

    @property
    def fingerprint(self) -> str:
        return f"animals {self.animal}"

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Example:
        entry = self.entries[index]
        image = open_image(self.folder / "images" / entry["file"])
        label = self.classes.index(entry["name"])
        box = tuple(map(float, entry["object_box_xyxy"]))
        shown = tuple(_part(name, each) for name, each in entry["parts"].items())
        instance = Instance(label, box, None, shown)  # type: ignore[arg-type]
        return Example(entry["file"], image, label, (instance,))


def _part(name: str, said: dict[str, Any]) -> Part:
    x, y = said["center_xy"]
    return Part(name, (float(x), float(y)), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--layer", choices=list(REBUILT), default="blocks.12")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    found = {"written": datetime.now(UTC).isoformat(timespec="seconds"), **_study(asked).report()}
    out = HERE / "results" / "explainer_animals.json"
    out.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps({name: found[name] for name in ("by_class", "explainer_less_control")}))


def _study(asked: argparse.Namespace) -> Study:
    file, folder = asked.data / "imagenet" / "mobilenet_v2.pt2", asked.data / "animal_parts"
    images = Kept(ObjectCrops(Animals(folder), 1.0))
    return Study(
        model=open_model(str(file), ModelOptions(input=NORMALISED), Registry.load()),
        train=images,
        test=images,
        params={
            "layer": asked.layer,
            "decode": [REBUILT[asked.layer]],
            "epochs": asked.epochs,
        },
        seeds=tuple(range(1, 1 + asked.seeds)),
        work=WORK / f"{asked.layer}-{asked.epochs}",
        measures=MEASURES,
        performer={},
        classes={name: Kept(ObjectCrops(Animals(folder, name), 1.0)) for name in images.classes},
    )


if __name__ == "__main__":
    main()
