"""A device beside the CPU: the same answers, and how many perturbed images a second.

python benchmarks/gpu.py [--device cuda] [--seconds N] [--methods NAME ...] [--out FOLDER]
Writes gpu_parity.json and gpu_throughput.json into FOLDER, by default benchmarks/results/.

Parity: every method that runs on the device and the CPU without having learned anything, on the
sample image. A row says by how much its maps differ at most, relative to the largest value on the
CPU, or why the method refuses.

Throughput: passes a second of RISE, occlusion, channel ablation and MINT's samples, on two networks
with random weights, in float32 and in bfloat16, beside the bare passes of the opened network at the
best of four batch sizes in the same run; and how often the program waited for the device, where
that can be counted (CUDA). Each row takes about --seconds.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from channel_ablation import network
from record import RESULTS, record

from interp.context import Budget
from interp.errors import InterpError
from interp.explanation import Explanation
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp.session import Session
from interp.spec import ModelOptions
from interp.storage.image import open_image

KNOWN, NEW = ("creatures-resnet", "creatures-vit"), ("resnet50", "vit_b_16")
"""Networks whose answers are compared, and networks that are timed."""
SAMPLES = 200
METHODS = ("rise", "occlusion", "channel-ablation", "mint")
BATCHES = (8, 32, 128, 512)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--methods", nargs="+", help="those whose answers are compared")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    registry = Registry.load()
    about = {"device": name_of(given.device)}
    rows = list(compared(registry, given.device, given.methods))
    record("gpu_parity", {**about, "rows": rows}, given.out / "gpu_parity.json")
    rows = list(timed(registry, given.device, given.seconds))
    record("gpu_throughput", {**about, "rows": rows}, given.out / "gpu_throughput.json")


def name_of(device: str) -> str:
    """The device in words."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


def compared(
    registry: Registry, device: str, methods: list[str] | None
) -> Iterator[dict[str, object]]:
    """A row for each network and method."""
    image = open_image(registry.get("sample", "sample"))
    for name in KNOWN:
        sides = [
            Session(registry, open_model(name, ModelOptions(device=each), registry))
            for each in ("cpu", device)
        ]
        for method in methods or [each.name for each in registry.entries("method")]:
            request = Request(method=method, budget=Budget(samples=SAMPLES))
            row: dict[str, object] = {"model": name, "method": method}
            try:
                one, other = (run(request, each, images=[image]).explanation for each in sides)
                row["differs by"] = apart(one, other)
            except InterpError as error:
                row["refused"] = str(error)
            print(row, flush=True)
            yield row


def apart(one: Explanation, other: Explanation) -> float | None:
    """The largest difference of their maps' values, relative to the largest; None without maps."""
    found = []
    for mine, theirs in zip(one.evidence, other.evidence, strict=True):
        values, others = getattr(mine, "values", None), getattr(theirs, "values", None)
        if isinstance(values, np.ndarray) and isinstance(others, np.ndarray) and values.size:
            largest = float(np.abs(values).max())
            found.append(float(np.abs(values - others).max()) / largest if largest else 0.0)
    return max(found, default=None)


def timed(registry: Registry, device: str, seconds: float) -> Iterator[dict[str, object]]:
    """A row for each network, precision and method."""
    image = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    for name in NEW:
        for precision in ("fp32", "bf16"):
            options = ModelOptions(device=device, precision=precision)
            model = open_model(network(name), options, registry)
            bare = max(passes(model, each, seconds / len(BATCHES)) for each in BATCHES)
            for method in METHODS:
                explain = partial(explained, registry, model, method, image)
                explain(SAMPLES)
                begun = time.perf_counter()
                waits = waited(lambda explain=explain: explain(SAMPLES), device)
                once = max(time.perf_counter() - begun, 1e-3)
                wanted = int(SAMPLES * max(1.0, seconds / once))
                begun = time.perf_counter()
                count = explain(wanted)
                rate = count / (time.perf_counter() - begun)
                row: dict[str, object] = {
                    "model": name,
                    "precision": precision,
                    "method": method,
                    "passes": count,
                    "a second": round(rate, 1),
                    "of bare whole passes": round(rate / bare, 3),
                    "waits": waits,
                }
                print(row, flush=True)
                yield row


def explained(
    registry: Registry, model: ModelAdapter, method: str, image: np.ndarray, samples: int
) -> int:
    """Explain the image by so many samples where the method takes them; the passes it took."""
    request = Request(method=method, targets=("0",), budget=Budget(samples=samples))
    session = Session(registry, model)  # a new one remembers no answers
    return run(request, session, images=[image]).explanation.samples


def passes(model: ModelAdapter, batch: int, seconds: float) -> float:
    """Images a second through the opened network."""
    images = torch.rand(batch, 3, *model.spec.input.size, device=model.spec.device)
    model.predict_many(images).cpu()
    begun, count = time.perf_counter(), 0
    while not count or time.perf_counter() - begun < seconds:
        scores = model.predict_many(images)
        count += batch
        if count % (8 * batch) == 0 or model.spec.device == "cpu":
            scores.cpu()  # else the clock would run ahead of the device
    scores.cpu()
    return count / (time.perf_counter() - begun)


def waited(work: Callable[[], Any], device: str) -> int | None:
    """How often the work waited for the device; None where nobody counts."""
    if not device.startswith("cuda"):
        work()
        return None
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            work()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchronizing" in str(each.message) for each in told)


if __name__ == "__main__":
    main()
