"""MINT on photographs beside the bare forward passes that it needs, in their fastest setting.

python benchmarks/mint_passes.py [--images N] [--samples N] [--models FILE ...] [--rounds N]
Writes benchmarks/results/mint_passes.json. One thread and one process; MINT and the passes take
turns. MINT is the whole call, from a photograph to maps over it: both partitions, masks,
compositing, passes, solving. The bare passes are as many, of images that are prepared already, by
whichever is fastest in the same round: the opened model, the same with packed convolutions, or
onnxruntime's own session, one image or 4, 16, 64 at a time. Ratios are of processor seconds, MINT's
over the passes'.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnxruntime
import torch
from photographs import IMAGENET, NORMALISED, Photographs
from record import cpu_seconds, record
from torch import Tensor

from interp.context import Budget
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp.session import Session
from interp.spec import ModelOptions

BATCHES = (1, 4, 16, 64)
TRIED = 128
"""Images by which a setting's seconds for an image are measured."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=3)
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--models", nargs="+", default=["mobilenet_v2.onnx", "mobilenet_v2.pt2"])
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    registry, rows = Registry.load(), []
    photographs = Photographs()
    for name in given.models:
        options = ModelOptions(device="cpu", input=NORMALISED)
        session = Session(registry, open_model(str(IMAGENET / name), options, registry))
        once(session, photographs[0].image, 200)  # opens the model's parts
        for at in range(given.images):
            for _ in range(given.rounds):
                rows.append(measured(session, name, at, photographs[at].image, given.samples))
                print(rows[-1], flush=True)
    ratios = {
        name: statistics.median(each["ratio"] for each in rows if each["model"] == name)
        for name in given.models
    }
    record("mint_passes", {"threads": 1, "samples": given.samples, "rows": rows, "ratios": ratios})


def once(session: Session, image: Any, samples: int) -> None:
    """Explain an image, whose scores are not remembered from the call before."""
    unknown = replace(session, memory=session.memory.alone())
    run(Request(method="mint", budget=Budget(samples=samples)), unknown, images=[image])


def measured(session: Session, name: str, at: int, image: Any, samples: int) -> dict[str, Any]:
    """MINT, and the fastest of the bare settings."""
    own = cpu_seconds(lambda: once(session, image, samples))
    found = {
        words: cpu_seconds(passes) / TRIED * samples
        for words, passes in settings(session.model, IMAGENET / name)
    }
    best = min(found, key=found.__getitem__)
    return {
        "model": name,
        "image": at,
        "MINT": round(own, 2),
        "passes": {words: round(seconds, 2) for words, seconds in found.items()},
        "fastest": best,
        "ratio": round(own / found[best], 3),
    }


def settings(model: ModelAdapter, file: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Ways to run TRIED images through the network."""
    images = torch.rand(TRIED, 3, *model.spec.input.size)
    ways: dict[str, Callable[[Tensor], object]] = {
        "as opened": model.predict,
        "packed": model.predict_many,
    }
    if file.suffix == ".onnx":
        chosen = onnxruntime.SessionOptions()
        chosen.intra_op_num_threads = 1
        bare = onnxruntime.InferenceSession(file, chosen, providers=["CPUExecutionProvider"])
        (given,) = bare.get_inputs()
        ways["onnxruntime"] = lambda batch: bare.run(None, {given.name: batch.numpy()})
    for words, way in ways.items():
        for batch in BATCHES:
            parts = images.split(batch)
            way(parts[0])
            yield f"{words}, {batch} at a time", lambda way=way, parts=parts: list(map(way, parts))


if __name__ == "__main__":
    main()
