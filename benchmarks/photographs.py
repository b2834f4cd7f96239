"""Photographs with boxes that are not in the repository: ImageNet's validation set, and animals."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from record import DATA

from interp.dataset import Dataset, Example, Instance, Part
from interp.storage.image import open_image

IMAGENET = DATA / "imagenet"
MOBILENET = IMAGENET / "mobilenet_v2.onnx"
NORMALISED: dict[str, object] = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
"""What MobileNetV2 was trained with; its files do not say so."""


INDEX = "imagenet1k_index"
"""Key of an animal's index among ImageNet's classes."""


class Photographs(Dataset):
    """ImageNet validation images, 227 x 227, with the boxes of their class."""

    fingerprint = "imagenet val"

    @cached_property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        return self._column("name")

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """WordNet's identifier of each class; two classes are called crane."""
        return self._column("wnid")

    def _column(self, name: str) -> tuple[str, ...]:
        with (IMAGENET / "classes.tsv").open() as file:
            return tuple(row[name] for row in csv.DictReader(file, delimiter="\t"))

    @cached_property
    def rows(self) -> list[list[str]]:
        with (IMAGENET / "val.csv").open() as file:
            return list(csv.reader(file))[1:]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Example:
        name, label, *_, boxes = self.rows[index]
        corners = [tuple(map(float, each.split())) for each in boxes.split(";")]
        objects = tuple(Instance(int(label), each, None) for each in corners)  # type: ignore[arg-type]
        return Example(name, open_image(IMAGENET / "val" / name), int(label), objects)


@dataclass(frozen=True, eq=False)
class Animals(Dataset):
    """Photographed animals with a box and the places of head and front legs.

    The class is the animal's name or, with `label` "imagenet1k_index", its class in ImageNet, for
    those that have one. `animal` keeps one animal alone, and `chosen` these images of each class.
    """

    folder: Path = DATA / "animal_parts"
    label: str = "name"
    animal: str | None = None
    chosen: range = range(1 << 30)

    @cached_property
    def entries(self) -> list[dict[str, Any]]:
        listed = json.loads((self.folder / "annotations.json").read_text())
        counts, found = Counter[Any](), []
        for each in listed:
            label = each[self.label]
            if label is not None and self.animal in (None, each["name"]):
                if counts[label] in self.chosen:
                    found.append(each)
                counts[label] += 1
        return found

    @cached_property
    def labels(self) -> list[Any]:
        """The classes as they stand in the annotations."""
        return sorted({each[self.label] for each in self.entries})

    @cached_property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        named = Photographs().classes if self.label == INDEX else None
        return tuple(str(each) if named is None else named[int(each)] for each in self.labels)

    @property
    def fingerprint(self) -> str:
        return f"animals {self.label} {self.animal} {self.chosen}"

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Example:
        entry = self.entries[index]
        label = self.labels.index(entry[self.label])
        left, top, right, bottom = map(float, entry["object_box_xyxy"])
        places = {name: each["center_xy"] for name, each in entry["parts"].items()}
        parts = tuple(Part(name, (float(x), float(y)), None) for name, (x, y) in places.items())
        image = open_image(self.folder / "images" / entry["file"])
        instance = Instance(label, (left, top, right, bottom), None, parts)
        return Example(entry["file"], image, label, (instance,))
