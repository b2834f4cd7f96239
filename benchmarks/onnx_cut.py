"""What cutting an ONNX model saves: time per perturbed sample, whole model against suffix.

python benchmarks/onnx_cut.py [--batch 16 --rounds 9]
Writes benchmarks/results/onnx_cut.json. Whole and suffix runs of one batch alternate.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from mint import machine
from torch import Tensor

from interp.model import ModelAdapter
from interp.network.preprocess import probe_images
from interp.spec import ModelOptions
from interp_onnx import session
from interp_onnx.opening import open_model

HERE = Path(__file__).parent
MOBILENET = HERE.parent.parent / "shared" / "data" / "imagenet" / "mobilenet_v2.onnx"
DEPTHS = {
    "resnet18": ("layer1", "layer2", "layer3", "layer4"),
    "mobilenet_v2": ("blocks.0", "blocks.5", "blocks.12", "blocks.16"),
}


def main() -> None:
    arguments = parse()
    found = {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "batch": arguments.batch,
        "rounds": arguments.rounds,
        "models": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        for path in (export_resnet(Path(folder)), MOBILENET):
            if path.exists():
                found["models"][path.stem] = compare(path, arguments.batch, arguments.rounds)
            else:
                print(f"{path} is not here: left out", file=sys.stderr)
    out = HERE / "results" / "onnx_cut.json"
    out.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=9)
    return parser.parse_args()


def export_resnet(folder: Path) -> Path:
    """ResNet-18 with random weights: what it answers does not change how long it takes."""
    import torchvision

    path = folder / "resnet18.onnx"
    network = torchvision.models.resnet18(weights=None).eval()
    free = ({0: torch.export.Dim.DYNAMIC},)
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        images = (torch.rand(2, 3, 224, 224),)
        torch.onnx.export(network, images, path, dynamo=True, verbose=False, dynamic_shapes=free)
    logging.disable(logging.NOTSET)
    return path


def compare(path: Path, batch: int, rounds: int) -> dict[str, Any]:
    """Each depth's times, and how many sessions were made for all of them."""
    with Count() as sessions:
        model = open_model(str(path), ModelOptions(device="cpu"))
        opened = sessions.made
        depths = [measure(model, layer, batch, rounds, sessions) for layer in DEPTHS[path.stem]]
        return {"sessions_to_open": opened, "sessions": sessions.made, "depths": depths}


def measure(
    model: ModelAdapter, layer: str, batch: int, rounds: int, sessions: Count
) -> dict[str, Any]:
    """Milliseconds per sample of the whole model and of what follows the layer."""
    image = probe_images(model.spec.input, 1)
    before, cut = sessions.made, model.cut(layer)
    frontier = cut.prefix(image)
    generator = torch.Generator().manual_seed(0)
    gates = torch.rand(batch, cut.layer.channels, 1, 1, generator=generator).round()
    images = image.repeat(batch, 1, 1, 1)
    times = alternate(
        lambda: model.predict(images),
        lambda: cut.suffix(frontier, frontier.activation * gates),
        rounds,
    )
    whole, suffix = (statistics.median(each) / batch * 1e3 for each in zip(*times, strict=True))
    made = sessions.made - before
    ratio = statistics.median(one / other for one, other in times)
    print(f"{model.spec.name} {layer}: {ratio:.1f} times, {made} sessions", file=sys.stderr)
    return {
        "layer": layer,
        "cost_after": cut.layer.cost_after,
        "whole_ms": round(whole, 3),
        "suffix_ms": round(suffix, 3),
        "ratio": round(ratio, 2),
        "sessions": made,
    }


def alternate(
    first: Callable[[], Tensor], second: Callable[[], Tensor], rounds: int
) -> list[tuple[float, float]]:
    """Seconds of the one and of the other, in turn, after one round to warm up."""
    pairs = [(seconds(first), seconds(second)) for _ in range(rounds + 1)]
    return pairs[1:]


def seconds(job: Callable[[], Tensor]) -> float:
    begun = time.perf_counter()
    job()
    return time.perf_counter() - begun


class Count:
    """Counts the sessions that the adapter makes inside the block."""

    made = 0

    def __enter__(self) -> Count:
        self.kind = session.InferenceSession
        session.InferenceSession = self._counted
        return self

    def __exit__(self, *_: object) -> None:
        session.InferenceSession = self.kind

    def _counted(self, *arguments: Any, **named: Any) -> Any:
        self.made += 1
        return self.kind(*arguments, **named)


if __name__ == "__main__":
    main()
