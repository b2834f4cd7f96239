"""Explainers of MobileNetV2 on box crops of photographed animals: heads and front legs.

python benchmarks/explainer_animals.py [--data DIR --epochs N --seeds N]
Writes benchmarks/results/explainer_animals.json; goes on where it was stopped. blocks.12 is read
and blocks.16 rebuilt; blocks.16 is read and the head's maps rebuilt: a residual network, so this is
our extension of the method. The ONNX file is asked for activations alone. Every second image of
each animal is learned from, the others are measured on; part masks are the annotated boxes.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from explainer_study import Measures, Study, parts
from kept import Kept

from interp.dataset import Dataset, Example, Instance, Part
from interp.image import open_image
from interp.registry import Registry
from interp.source import open_model
from interp.spec import ModelOptions
from interp_explainer.crop import Crops

HERE = Path(__file__).parent
DATA = HERE.parent.parent / "shared" / "data"
WORK = HERE.parent / "build" / "explainer_animals"
NORMALISED: dict[str, object] = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
"""What this network was trained with; its files do not say so."""
REBUILT = {"blocks.12": "blocks.16", "blocks.16": "head"}
MEASURES: Measures = {
    **parts(),
    "error": {"metric": "rebuilding-error"},
    "p": {"metric": "part-share"},
}


@dataclass(frozen=True, eq=False)
class Animals(Dataset):
    """Every second image of each animal, from `start` on, with boxes of its head and front legs."""

    folder: Path
    start: int

    @cached_property
    def entries(self) -> list[dict[str, Any]]:
        turns: dict[str, int] = {}
        chosen = []
        for each in json.loads((self.folder / "annotations.json").read_text()):
            turns[each["name"]] = turns.get(each["name"], -1) + 1
            if turns[each["name"]] % 2 == self.start:
                chosen.append(each)
        return chosen

    @cached_property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(sorted({each["name"] for each in self.entries}))

    @property
    def fingerprint(self) -> str:
        return f"animals {self.start}"

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Example:
        entry = self.entries[index]
        image = open_image(self.folder / "images" / entry["file"])
        label = self.classes.index(entry["name"])
        box = tuple(map(float, entry["object_box_xyxy"]))
        shown = tuple(_part(name, each, image.shape) for name, each in entry["parts"].items())
        instance = Instance(label, box, None, shown)  # type: ignore[arg-type]
        return Example(entry["file"], image, label, (instance,))


def _part(name: str, said: dict[str, Any], shape: tuple[int, ...]) -> Part:
    (x, y), (width, height) = said["center_xy"], said["size_wh"]
    mask = np.zeros(shape[:2], bool)
    top, left = max(round(y - height / 2), 0), max(round(x - width / 2), 0)
    mask[top : max(round(y + height / 2), 0), left : max(round(x + width / 2), 0)] = True
    return Part(name, (float(x), float(y)), mask)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    found: dict[str, Any] = {"written": datetime.now(UTC).isoformat(timespec="seconds")}
    for layer in REBUILT:
        found[layer] = _study(asked, layer).report()
    out = HERE / "results" / "explainer_animals.json"
    out.write_text(json.dumps(found, indent=2) + "\n")
    for layer in REBUILT:
        print(layer, json.dumps(found[layer]["explainer_less_control"], indent=2))


def _study(asked: argparse.Namespace, layer: str) -> Study:
    file = asked.data / "imagenet" / "mobilenet_v2.onnx"
    train, test = (Kept(Crops(Animals(asked.data / "animal_parts", start))) for start in (0, 1))
    return Study(
        model=open_model(str(file), ModelOptions(input=NORMALISED), Registry.load()),
        train=train,
        test=test,
        params={"layer": layer, "decode": [REBUILT[layer]], "epochs": asked.epochs},
        seeds=tuple(range(1, 1 + asked.seeds)),
        work=WORK / f"{layer}-{asked.epochs}",
        measures=MEASURES,
        performer=parts(of="performer"),
    )


if __name__ == "__main__":
    main()
