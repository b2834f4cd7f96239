"""Data sets that are damaged: COCO annotations, their images, and folders of classes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from robustness.damage import ODD, damage, distort, written
from robustness.runner import Case

METRICS = "pointing,energy-mask"
COMMANDS = (
    "run --plugin centre --model ../model.onnx --data given --out out",
    f"evaluate --plugins centre --metrics {METRICS} --no-baselines --data given --out out",
)


def coco_case(folder: Path, random: Random) -> Case:
    """A COCO folder of which the annotations, or the images, are damaged."""
    given = folder / "given"
    shutil.copytree(folder.parent / "data", given)
    path = given / "annotations.json"
    document = json.loads(path.read_bytes())
    way = random.choice(("row", "row", "row", "tree", "bytes", "files"))
    told = None
    if way == "row":
        for _ in range(random.choice((1, 1, 3))):
            random.choice(CHANGES)(random.choice(document["annotations"]), random)
        path.write_text(json.dumps(document))
        told = "left out" if any(map(_is_unusable, document["annotations"])) else None
    elif way == "tree":
        path.write_text(written(distort(document, random), random), "utf-8", "surrogatepass")
    elif way == "bytes":
        path.write_bytes(damage(path.read_bytes(), random))
    else:
        _spoil(given / "images", random)
    words = random.choice(COMMANDS)
    return Case(tuple(words.split()), "coco", "given", told=told)


def _is_unusable(row: dict[str, Any]) -> bool:
    """Whether a row has no box of four finite numbers with an area, or no class or image."""
    box = row.get("bbox")
    numbers = isinstance(box, list) and all(type(each) in (int, float) for each in box)
    if not numbers or len(box) != 4 or not all(abs(each) < float("inf") for each in box):
        return True
    ids = (row.get("image_id"), row.get("category_id"))
    return min(box[2:]) <= 0 or not all(type(each) in (int, str) for each in ids)


def _box(row: dict[str, Any], random: Random) -> None:
    nan, inf = float("nan"), float("inf")
    row["bbox"] = random.choice(
        (
            *([nan, 0, 5, 5], [0, 0, inf, 5], [0, 0, -5, 5], [0, 0, 0, 0], [1, 2, 3], [], None),
            *("box", [1e300, 0, 5, 5], [0, 0, 1e300, 1e300], [["a"]], [-1e9, 0, 2e9, 5]),
            *([10, 10, 5, 5], [-50, -50, 10, 10], [True, 1, 5, 5], [0, 0, 10**400, 5]),
        )
    )


def _mask(row: dict[str, Any], random: Random) -> None:
    row["segmentation"] = random.choice(
        (
            *({"size": [10**6, 10**6], "counts": [10**12]}, {"size": [112, 112], "counts": [-1]}),
            *({"size": [112, 112], "counts": [12544]}, {"size": [112, 112], "counts": "x`9"}),
            *({"size": None, "counts": None}, {"counts": [1]}, [[0, 0, 5, 5, 9, 0]], [[1]], [[]]),
            *([["a", 2]], [[1e300, 1, 2, 2, 3, 3]], [[float("nan")] * 6], "mask", 5, [1, 2, 3, 4]),
            {"size": [112, 112], "counts": [0] * 100_000},
            {"size": [112, 112], "counts": [2**63, -(2**63) + 12544]},
        )
    )


def _id(row: dict[str, Any], random: Random) -> None:
    row[random.choice(("image_id", "category_id", "id"))] = random.choice(
        (-1, 10**30, "one", None, 1.5, True, [], "\ud800", float("nan"))
    )


def _field(row: dict[str, Any], random: Random) -> None:
    row[random.choice(sorted(row))] = random.choice(ODD)


CHANGES: tuple[Callable[[dict[str, Any], Random], None], ...] = (
    _box,
    _box,
    _mask,
    _mask,
    _id,
    _field,
)


def _spoil(images: Path, random: Random) -> None:
    """Damage, lose or replace some or all of the images."""
    files = sorted(each for each in images.iterdir() if each.is_file())
    for path in files if random.randrange(2) else files[:1]:
        way = random.choice(("damage", "damage", "lose", "folder", "link", "pipe", "empty"))
        data = path.read_bytes()
        path.unlink()
        if way == "damage":
            path.write_bytes(damage(data, random))
        elif way == "folder":
            path.mkdir()
        elif way == "link":
            path.symlink_to(random.choice(("gone.png", "/dev/zero", path.name)))
        elif way == "pipe":
            os.mkfifo(path)
        elif way == "empty":
            path.touch()


def classes_case(folder: Path, random: Random) -> Case:
    """A folder of classes with odd names, links, and files that are no images."""
    source = sorted((folder.parent / "data/images").iterdir())
    given = folder / "given"
    odd = (
        *("10", "2", "a b", "é", "-x", "#1", ".hidden", "x" * 200, "con\nrol", "\x1b[31m"),
        "ant",
    )
    for name in random.sample(odd, random.randrange(4)):
        (given / name).mkdir(parents=True)
        for path in random.sample(source, random.randrange(3)):
            shutil.copy(
                path, given / name / random.choice((path.name, "a#2.png", "-.png", "%s.png"))
            )
    given.mkdir(exist_ok=True)
    for _ in range(random.randrange(4)):
        _stray(random.choice([given, *filter(Path.is_dir, given.iterdir())]), source[0], random)
    return Case(tuple(random.choice(COMMANDS).split()))


def _stray(folder: Path, image: Path, random: Random) -> None:
    """Put something into the folder that should not be there."""
    path = folder / random.choice(("a.png", "b.txt", "\udcff.png", "..png"))
    way = random.choice(("image", "link", "pipe", "folder", "text", "loop"))
    if os.path.lexists(path):
        return
    if way == "image":
        shutil.copy(image, path)
    elif way == "link":
        path.symlink_to(random.choice(("gone", "/dev/zero", "/proc/version")))
    elif way == "pipe":
        os.mkfifo(path)
    elif way == "folder":
        path.mkdir()
    elif way == "loop":
        path.symlink_to(".")
    else:
        path.write_text("no image")


def names_case(folder: Path, random: Random) -> Case:
    """A file of class names that is damaged, too short or too long, or a table without a column."""
    name = random.choice(("names.txt", "names.tsv", "names.tsv"))
    head = random.choice(("index\tname", "index\tname", "name", "index", "", "name\tname"))
    rows = (f"{random.choice((each, each, 'x', '', '²'))}\tclass {each}" for each in (2, 0, 1))
    lines = [head, *rows] if name.endswith("tsv") else ["ant", "bee", random.choice(ODD_NAMES)]
    data = "\n".join(lines).encode()
    (folder / name).write_bytes(damage(data, random) if random.randrange(2) else data)
    return Case(("predict", "--model", "../model.onnx", "--classes", name))


ODD_NAMES = ("cat", "", "ant", "x" * 200_000, "\0", "\x1b[31m", "a\tb", "#", "é")
CASES: dict[str, Callable[[Path, Random], Case]] = {
    "coco": coco_case,
    "classes": classes_case,
    "names": names_case,
}
