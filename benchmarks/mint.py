"""How long and how much memory MINT takes, against onnxruntime's bare forward passes.

python benchmarks/mint.py [--model FILE.pt2 --onnx FILE.onnx --image FILE --target NAME ...]
Writes benchmarks/results/mint.json. One MINT run and as many forward passes alternate.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
DATA = HERE.parent.parent / "shared" / "data"
BATCHES = (1, 2, 4, 8, 16, 32)
MEMORY_SAMPLES = (1_000, 10_000)


def main() -> None:
    arguments = parse()
    if arguments.peak:
        print(peak_memory(arguments))
        return
    found = {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "model": Path(arguments.model).name,
        "image": Path(arguments.image).name,
        "targets": arguments.target,
        "time": compare_time(arguments),
        "memory": compare_memory(arguments),
    }
    out = HERE / "results" / "mint.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=str(DATA / "imagenet" / "mobilenet_v2.pt2"))
    parser.add_argument("--onnx", default=str(DATA / "imagenet" / "mobilenet_v2.onnx"))
    parser.add_argument("--image", default=str(DATA / "photos" / "both.png"))
    parser.add_argument("--target", action="append")
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--peak", action="store_true", help="only this process's peak memory")
    arguments = parser.parse_args()
    arguments.target = arguments.target or ["bull mastiff"]
    return arguments


def compare_time(arguments: argparse.Namespace) -> dict[str, object]:
    """Seconds per target of MINT, and of as many forward passes, in turn."""
    forward, batch = fastest_forward(arguments.onnx)
    explain = explainer(arguments)
    explain(200)  # warms up: imports, batch sizes
    pairs = []
    for _ in range(arguments.rounds):
        begun = time.perf_counter()
        explain(arguments.samples)
        mint = (time.perf_counter() - begun) / len(arguments.target)
        begun = time.perf_counter()
        for _ in range(-(-arguments.samples // batch)):
            forward()
        pairs.append((mint, time.perf_counter() - begun))
        print(f"mint {pairs[-1][0]:.1f} s, onnxruntime {pairs[-1][1]:.1f} s", file=sys.stderr)
    return {
        "samples": arguments.samples,
        "mint_seconds": [round(mint, 2) for mint, _ in pairs],
        "onnxruntime_seconds": [round(bare, 2) for _, bare in pairs],
        "onnxruntime_batch": batch,
        "ratio": round(statistics.median(mint / bare for mint, bare in pairs), 3),
    }


def fastest_forward(path: str) -> tuple[Forward, int]:
    """A forward pass of the file at the batch size with the most images a second."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    speeds = {}
    for batch in BATCHES:
        forward = Forward(session, batch)
        forward()
        begun = time.perf_counter()
        for _ in range(64 // batch):
            forward()
        speeds[batch] = 64 / (time.perf_counter() - begun)
    best = max(speeds, key=speeds.__getitem__)
    return Forward(session, best), best


class Forward:
    """One forward pass of random images through an onnxruntime session."""

    def __init__(self, session: object, batch: int) -> None:
        self.session = session
        self.name = session.get_inputs()[0].name  # type: ignore[attr-defined]
        shape = [batch, *session.get_inputs()[0].shape[1:]]  # type: ignore[attr-defined]
        self.images = np.random.default_rng(0).standard_normal(shape, np.float32)

    def __call__(self) -> None:
        self.session.run(None, {self.name: self.images})  # type: ignore[attr-defined]


class Explainer:
    """MINT on the image and targets, model and image open."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        from interp.memory import Memory
        from interp.opening.source import open_model
        from interp.registry import Registry
        from interp.spec import ModelOptions
        from interp.storage.image import open_image
        from interp.target import parse_target

        registry = Registry.load()
        self.model = open_model(arguments.model, ModelOptions(), registry)
        self.image = open_image(Path(arguments.image))
        classes = self.model.spec.classes
        self.targets = [parse_target(each, classes) for each in arguments.target]
        self.method = registry.get("method", "mint")
        self.memory = Memory()

    def __call__(self, samples: int) -> None:
        from interp.context import Budget, Context
        from interp.memory import Memory

        memory = Memory(self.memory.batch_sizes)  # the answers are not kept
        context = Context(budget=Budget(samples=samples), memory=memory)
        mint = self.method(self.method.Params())
        mint.explain(self.model, [self.image], self.targets, None, context)


def explainer(arguments: argparse.Namespace) -> Explainer:
    return Explainer(arguments)


def compare_memory(arguments: argparse.Namespace) -> dict[str, object]:
    """Peak memory of a fresh process that explains with few and with many samples."""
    peaks = dict(measured_peaks(arguments))
    few, many = (peaks[count] for count in MEMORY_SAMPLES)
    return {
        "peak_mb": {str(count): peak for count, peak in peaks.items()},
        "growth": many / few - 1,
    }


def measured_peaks(arguments: argparse.Namespace) -> Iterator[tuple[int, float]]:
    for count in MEMORY_SAMPLES:
        same = ["--model", arguments.model, "--image", arguments.image]
        same += [word for each in arguments.target for word in ("--target", each)]
        command = [sys.executable, __file__, "--peak", "--samples", str(count), *same]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        yield count, float(done.stdout)


def peak_memory(arguments: argparse.Namespace) -> float:
    """This process's peak after explaining, in MB. From /proc: ru_maxrss begins at the parent's."""
    explainer(arguments)(arguments.samples)
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def machine() -> dict[str, object]:
    packages = ("torch", "onnxruntime-gpu", "numpy", "opencv-python", "scikit-image")
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "packages": {each: version(each) for each in packages},
    }


def processor() -> str:
    """The name of the processor, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
