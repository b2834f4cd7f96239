"""How results of many images are kept: folders, Parquet beside safetensors, or Zarr.

python benchmarks/result_storage.py [--images N]       (needs zarr)
Writes benchmarks/results/result_storage.json: for explanations of 224 x 224 pixels by Grad-CAM,
which are the same in all of them, processor time and bytes to write an image, files, and
milliseconds to open one image at random and the whole table of numbers. Zarr has one array of all
maps in shards of 256, one of the facts as JSON; maps of one size only.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr
from record import cpu_seconds, record

import interp
from interp.explanation import Explanation
from interp.registry import Registry
from interp.request import Request
from interp.result.bundle import open_bundle, plain_facts, save_bundle
from interp.run_folder.opening import open_result
from interp.run_folder.part_file import new_part
from interp.run_folder.part_store import PartEntries, part_folder

SIDE, SHARD, OPENED = 224, 256, 50
REQUEST = Request(method="gradcam", data="photos")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1024)
    count = parser.parse_args().images
    torch.set_num_threads(1)
    registry = Registry.load()
    found = explanations(registry, count)
    with tempfile.TemporaryDirectory() as name:
        kinds = {"folders": Folders, "parts": Parts, "zarr": Zarr}
        results = {
            kind: measured(made(Path(name) / kind, registry), found) for kind, made in kinds.items()
        }
    record("result_storage", {"images": count, "side": SIDE, "results": results})


def explanations(registry: Registry, count: int) -> list[Explanation]:
    """Explanations of creatures enlarged to the side."""
    images = [
        np.kron(each.image, np.ones((2, 2, 1), np.uint8))
        for each in registry.get("dataset", "creatures")(64, 0)
    ]
    made = [interp.explain("creatures-vgg", each, method="gradcam") for each in images]
    return [made[at % len(made)] for at in range(count)]


def measured(store: Any, found: list[Explanation]) -> dict[str, float]:
    """Times and sizes of a store."""
    write = cpu_seconds(lambda: store.write(found))
    files = [each for each in store.place.rglob("*") if each.is_file()]
    order = np.random.default_rng(0).permutation(len(found))[:OPENED].tolist()
    return {
        "write_ms_an_image": write / len(found) * 1000,
        "bytes_an_image": sum(each.stat().st_size for each in files) / len(found),
        "files": len(files),
        "open_one_ms": cpu_seconds(lambda: [store.open(at) for at in order]) / len(order) * 1000,
        "all_numbers_ms_an_image": cpu_seconds(store.numbers) / len(found) * 1000,
    }


class Store:
    """Results below a folder."""

    def __init__(self, place: Path, registry: Registry) -> None:
        self.place, self.registry = place, registry
        place.mkdir()


class Folders(Store):
    """A bundle for each image."""

    def write(self, found: list[Explanation]) -> None:
        for at, each in enumerate(found):
            save_bundle(self.place / f"{at:05d}-x", REQUEST, each, {})

    def open(self, at: int) -> Explanation:
        return open_bundle(self.place / f"{at:05d}-x", self.registry)[1]

    def numbers(self) -> None:
        for file in self.place.glob("*/explanation.json"):
            json.loads(file.read_text())


class Parts(Store):
    """Parts of 256 images."""

    def write(self, found: list[Explanation]) -> None:
        for start in range(0, len(found), SHARD):
            images = range(start, min(start + SHARD, len(found)))
            with new_part(part_folder(self.place, images), REQUEST, True) as part:
                for at in images:
                    part.write(at, f"{at:05d}-x", found[at])

    def open(self, at: int) -> Explanation:
        return open_result(self.place / f"{at:05d}-x", self.registry)[1]

    def numbers(self) -> None:
        list(PartEntries.of(self.place))


class Zarr(Store):
    """One array of maps in shards, one of facts, one of pictures; written a shard at a time."""

    def write(self, found: list[Explanation]) -> None:
        group, count = zarr.open_group(self.place, mode="w"), len(found)
        maps = group.create_array(
            "maps", shape=(count, SIDE, SIDE), chunks=(1, SIDE, SIDE), shards=(SHARD, SIDE, SIDE),
            dtype="float32",
        )  # fmt: skip
        pictures = group.create_array(
            "images", shape=(count, SIDE, SIDE, 3), chunks=(1, SIDE, SIDE, 3),
            shards=(SHARD, SIDE, SIDE, 3), dtype="uint8",
        )  # fmt: skip
        facts = group.create_array("facts", shape=(count,), chunks=(SHARD,), dtype=str)
        for start in range(0, count, SHARD):
            part = found[start : start + SHARD]
            maps[start : start + SHARD] = np.stack([each.map() for each in part])
            pictures[start : start + SHARD] = np.stack([each.images[0] for each in part])
            facts[start : start + SHARD] = np.array(
                [json.dumps(plain_facts(each)[0]) for each in part], object
            )

    def open(self, at: int) -> tuple[Any, ...]:
        group = zarr.open_group(self.place, mode="r")
        return group["maps"][at], group["images"][at], json.loads(str(group["facts"][at]))

    def numbers(self) -> None:
        for each in zarr.open_group(self.place, mode="r")["facts"][:]:
            json.loads(str(each))


if __name__ == "__main__":
    main()
