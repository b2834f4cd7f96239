"""The same four images written in every format, by the simplest code that does it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("ant", "bee", "cat")
NAMES = ("bee", "ant", "cat", "bee")
LABELS = [1, 0, 2, 1]
BOXES = [(3, 2, 9, 8), (0, 0, 20, 16), (5, 5, 6, 7), (10, 4, 19, 15)]
"""(left, top, right, bottom), pixels from 0, the last one outside."""
PIXELS = np.random.default_rng(5).integers(0, 256, (4, 16, 20, 3), dtype=np.uint8)


@dataclass(frozen=True)
class Format:
    """How data are written into a folder, which gives the path to open, and what is kept."""

    write: Callable[[Path], Path]
    reader: str
    boxes: bool = False


def pictures(folder: Path) -> list[Path]:
    """The images as PNG files."""
    folder.mkdir(parents=True, exist_ok=True)
    for at, image in enumerate(PIXELS):
        Image.fromarray(image).save(folder / f"photo-{at}.png")
    return [folder / f"photo-{at}.png" for at in range(len(PIXELS))]


def class_folders(folder: Path) -> Path:
    for at, (image, name) in enumerate(zip(PIXELS, NAMES, strict=True)):
        (folder / "classes" / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / "classes" / name / f"photo-{at}.png")
    return folder / "classes"


def coco(folder: Path) -> Path:
    pictures(folder / "val2017")
    document = {
        "images": [{"id": 10 + at, "file_name": f"photo-{at}.png"} for at in range(4)],
        "categories": [{"id": 7 * at, "name": name} for at, name in enumerate(CLASSES)],
        "annotations": [
            {
                "id": at,
                "image_id": 10 + at,
                "category_id": 7 * LABELS[at],
                "bbox": [left, top, right - left, bottom - top],
            }
            for at, (left, top, right, bottom) in enumerate(BOXES)
        ],
    }
    (folder / "annotations").mkdir()
    file = folder / "annotations/instances_val2017.json"
    file.write_text(json.dumps(document))
    return file


def coco_root(folder: Path) -> Path:
    coco(folder)
    return folder


def voc(folder: Path, more: str = "") -> Path:
    pictures(folder / "JPEGImages")
    (folder / "Annotations").mkdir()
    for at, (left, top, right, bottom) in enumerate(BOXES):
        (folder / f"Annotations/photo-{at}.xml").write_text(
            f"<annotation><filename>photo-{at}.png</filename>{more}<object><name>{NAMES[at]}</name>"
            f"<bndbox><xmin>{left + 1}</xmin><ymin>{top + 1}</ymin><xmax>{right}</xmax>"
            f"<ymax>{bottom}</ymax></bndbox></object></annotation>"
        )
    return folder


def table(folder: Path, delimiter: str = ",", suffix: str = ".csv") -> Path:
    files = pictures(folder / "images")
    rows = [["Id", "File_Name", "Class"]]
    rows += [[str(at), f"images/{file.name}", NAMES[at]] for at, file in enumerate(files)]
    path = folder / f"list{suffix}"
    path.write_text("".join(f"{delimiter.join(row)}\r\n" for row in rows), "utf-8-sig")
    return path


def parquet(folder: Path) -> Path:
    import pyarrow as pa
    from pyarrow import parquet as pq

    files = [str(each) for each in pictures(folder / "elsewhere")]  # absolute paths
    columns = {"label": pa.array(NAMES).dictionary_encode(), "path": files, "size": [1.0] * 4}
    (folder / "tables").mkdir()
    pq.write_table(pa.table(columns), folder / "tables/list.parquet")
    return folder / "tables/list.parquet"


def npz(folder: Path, **more: object) -> Path:
    arrays = {"images": PIXELS, "labels": np.array(NAMES)} | more
    np.savez(folder / "set.npz", **arrays)
    return folder / "set.npz"


def npz_packed(folder: Path) -> Path:
    """Fractions, whole numbers and the names of classes, packed."""
    fractions = (PIXELS / 255).astype(np.float32)
    labels, names = np.array(LABELS), np.array(CLASSES)
    np.savez_compressed(folder / "set.npz", x=fractions, y=labels, classes=names)
    return folder / "set.npz"


def npy(folder: Path) -> Path:
    np.save(folder / "val_images.npy", np.asfortranarray(PIXELS))
    np.save(folder / "val_labels.npy", np.array(NAMES))
    return folder / "val_images.npy"


def saved(folder: Path) -> Path:
    """A data set of datasets, with the images' files inside."""
    import datasets

    datasets.disable_progress_bars()
    label = datasets.ClassLabel(names=list(CLASSES))
    features = datasets.Features({"label": label, "picture": datasets.Image()})
    columns = {"label": LABELS, "picture": [Image.fromarray(each) for each in PIXELS]}
    datasets.Dataset.from_dict(columns, features).save_to_disk(str(folder / "saved"))
    return folder / "saved"


FORMATS = {
    "class folders": Format(class_folders, "images"),
    "coco": Format(coco, "coco", True),
    "coco root": Format(coco_root, "coco", True),
    "voc": Format(voc, "voc", True),
    "csv": Format(table, "table"),
    "tsv": Format(lambda folder: table(folder, "\t", ".tsv"), "table"),
    "semicolons": Format(lambda folder: table(folder, ";"), "table"),
    "parquet": Format(parquet, "table"),
    "npz": Format(npz, "numpy"),
    "packed npz": Format(npz_packed, "numpy"),
    "npy": Format(npy, "numpy"),
    "datasets": Format(saved, "datasets"),
}
NEEDS = {"datasets": "datasets", "parquet": "pyarrow"}
"""The package that a format needs."""
