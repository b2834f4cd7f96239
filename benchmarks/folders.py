"""Grad-CAM on a folder against a hand-written batched loop, and a trial with 20,000 images.

python benchmarks/folders.py [--rounds N] [--images N] [--many N]
Writes benchmarks/results/folders.json. The loop opens each image with Pillow, runs batches of 16
forth and back, and saves each map with safetensors; both take turns in one process, with one
thread. The trial writes 20,000 images of 48 x 48 pixels, explains them, and compares the first
thousand of them with the last. Times are processor time, without opening the model.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from record import record
from safetensors.numpy import save_file
from torch import Tensor

from interp.model import ModelAdapter
from interp.registry import Registry
from interp.request import Request
from interp.run_folder import run_folder
from interp.session import Session
from interp.spec import ModelOptions

MODEL, BATCH, THOUSAND, SMALL = "creatures-vgg", 16, 1000, 48


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--many", type=int, default=20_000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    session = Session()
    model = session.open_model(MODEL, ModelOptions())
    session = replace(session, model=model)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        images = creatures(session.registry, arguments.images)
        found = {  # in this order: what is measured of memory is the peak so far
            "many": many(session, images, place, arguments.many),
            "loop": against_loop(session, Loop(model), images, place, arguments.rounds),
        }
    record("folders", found)


def creatures(registry: Registry, count: int) -> list[np.ndarray]:
    """Images of the shipped data set, (112, 112, 3) uint8."""
    return [each.image for each in registry.get("dataset", "creatures")(count, 0)]


def write(images: Iterable[np.ndarray], folder: Path) -> Path:
    """The images as PNG files of a new folder."""
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:05d}.png", compress_level=1)
    return folder


def against_loop(
    session: Session, loop: Loop, images: list[np.ndarray], place: Path, rounds: int
) -> dict[str, Any]:
    """Milliseconds an image of both in turn, and the median of the rounds' ratios."""
    data = write(images, place / "images")
    timed: dict[str, list[float]] = {"interp": [], "loop": []}

    def ours(out: Path) -> None:
        request = Request(method="gradcam", data=str(data))
        run_folder(request, out, session, pictures=False, layout="parts")

    calls: dict[str, Callable[[Path], None]] = {
        "interp": ours,
        "loop": lambda out: loop.run(sorted(data.glob("*.png")), out),
    }
    for number in range(rounds + 1):
        for name in list(calls) if number % 2 else reversed(calls):
            out = place / name
            begun = time.process_time()
            calls[name](out)
            if number:  # the first round warms up
                timed[name].append((time.process_time() - begun) / len(images) * 1000)
            shutil.rmtree(out)
    ratios = [a / b for a, b in zip(timed["interp"], timed["loop"], strict=True)]
    return {
        "images": len(images),
        "rounds": rounds,
        "milliseconds_an_image": {name: statistics.median(each) for name, each in timed.items()},
        "ratio": statistics.median(ratios),
        "ratio_range": [min(ratios), max(ratios)],
    }


class Loop:
    """What one would write by hand: the network's last stage, hooked, and batches of images."""

    def __init__(self, model: ModelAdapter) -> None:
        self.spec, self.network = model.spec.input, model.module()
        self.kept: Tensor = torch.empty(0)
        layer = self.network.get_submodule(model.map_layer().name)
        layer.register_forward_hook(self._keep)

    def _keep(self, _: object, given: object, output: Tensor) -> None:
        self.kept = output

    def run(self, files: list[Path], out: Path) -> None:
        """Explain the class predicted for each image, and save the maps."""
        import cv2

        out.mkdir()
        mean, std = (np.array(each, np.float32) for each in (self.spec.mean, self.spec.std))
        for start in range(0, len(files), BATCH):
            batch = files[start : start + BATCH]
            read = [np.asarray(Image.open(file).convert("RGB")) for file in batch]
            fitted = np.stack([cv2.resize(each, self.spec.size[::-1]) for each in read])
            pixels = ((fitted / np.float32(255) - mean) / std).transpose(0, 3, 1, 2)
            scores = self.network(torch.from_numpy(np.ascontiguousarray(pixels)))
            (slopes,) = torch.autograd.grad(scores.amax(1).sum(), self.kept)
            cells = (slopes.mean((2, 3), keepdim=True) * self.kept).sum(1).detach().numpy()
            for file, image, each in zip(batch, read, cells, strict=True):
                values = cv2.resize(each, image.shape[1::-1])
                save_file({"map": values}, out / f"{file.stem}.safetensors")


@dataclass
class Watch:
    """Progress that keeps the processor time and the bytes written as images are done."""

    out: Path
    marks: list[tuple[int, float, int]] = field(default_factory=list)

    def __call__(self, label: str, done: int, total: int | None) -> None:
        if label == "images":
            files = self.out.glob("parts/*/*")
            written = sum(each.stat().st_size for each in files)
            self.marks.append((done, time.process_time(), written))

    def between(self, first: int, last: int) -> dict[str, float]:
        """Milliseconds and bytes an image, of the images from about `first` to about `last`."""
        one = min(self.marks, key=lambda mark: abs(mark[0] - first))
        other = min(self.marks, key=lambda mark: abs(mark[0] - last))
        count = other[0] - one[0]
        return {
            "milliseconds_an_image": (other[1] - one[1]) / count * 1000,
            "bytes_an_image": (other[2] - one[2]) / count,
        }


def many(session: Session, images: list[np.ndarray], place: Path, count: int) -> dict[str, Any]:
    """Time and bytes of the first and the last thousand of many small images, and peak memory."""
    small = [np.asarray(Image.fromarray(each).resize((SMALL, SMALL))) for each in images]
    shifted = (
        np.roll(small[number % len(small)], number // len(small), 1) for number in range(count)
    )
    data = write(shifted, place / "many")
    watch = Watch(place / "out")
    request = Request(method="gradcam", data=str(data))
    found = run_folder(
        request, watch.out, replace(session, progress=watch), pictures=False, layout="parts"
    )
    before = [watch.between(start, start + THOUSAND) for start in range(0, count, THOUSAND)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "images": len(found.entries),
        "thousands": before,
        "last_by_first": {key: before[-1][key] / before[0][key] for key in before[0]},
        "peak_memory_bytes": peak,
        "files": sum(each.is_file() for each in watch.out.rglob("*")),
    }


if __name__ == "__main__":
    main()
