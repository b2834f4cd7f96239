"""Perturbed networks per second while CHIP learns, against what the machine's matmul rate allows.

python benchmarks/chip_fit.py [--rounds N] [--device cuda] [--out FILE]
Writes benchmarks/results/chip_fit.json, or FILE. The roofline is the suffix's floating point
operations over the rate of a large float32 matrix product, measured between the runs. Random
weights, noise images, ten classes. `folded` carries the gates into the next linear layer; `plain`
does not.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from record import record
from torch.utils.flop_counter import FlopCounterMode

from interp.context import Context
from interp.cut import Cut
from interp.memory import Memory
from interp.model import ModelAdapter
from interp.spec import ModelOptions
from interp_chip.layer_fit import LayerFit
from interp_chip.params import ChipParams
from interp_chip.training_images import unlabelled_images
from interp_torch.cut import GraphCut
from interp_torch.opening import open_model

CASES = (
    ("resnet50", "layer4", True, 16384, 48),
    ("resnet50", "layer4", False, 4096, 8),
    ("resnet50", "layer3", True, 256, 2),
    ("vgg16", "features.28", True, 2048, 2),
    ("vgg16", "features.28", False, 2048, 2),
)
"""Network, layer, whether gates are folded, networks per image, and images that meet them: enough
that what is done once, for each image or for each mask, hardly counts."""
SIDE = 2048


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    device = arguments.device
    results = [
        measure(Case(name, layer, folded, device), masks, images, arguments.rounds)
        for name, layer, folded, masks, images in CASES
    ]
    found = {"threads": torch.get_num_threads(), "device": device, "results": results}
    record("chip_fit", found, arguments.out)


@dataclass(frozen=True)
class Case:
    """A layer of a torchvision network with seeded random weights."""

    name: str
    layer: str
    folded: bool
    device: str

    def model(self) -> ModelAdapter:
        import torchvision

        torch.manual_seed(0)
        network = getattr(torchvision.models, self.name)(weights=None).eval()
        return open_model(network, ModelOptions(device=self.device))


def measure(case: Case, masks: int, images: int, rounds: int) -> dict[str, object]:
    """Networks per second of whole rounds of learning, and the share of the roofline."""
    model = case.model()
    noise = np.random.default_rng(0).integers(0, 256, (images, 224, 224, 3), np.uint8)
    training = unlabelled_images(list(noise), range(10))
    flops = count(model, case.layer)
    sizes: dict[str, object] = {}

    def learn() -> None:
        fit = LayerFit(
            model, case.layer, training, ChipParams(), Context(memory=Memory(sizes)), masks
        )
        fit.run_round(fit.chunks)
        if case.device != "cpu":
            torch.accelerator.synchronize()

    gates = GraphCut.gates if case.folded else Cut.gates
    with patch.object(GraphCut, "gates", gates):
        learn()
        pairs = [(timed(learn), matmul_rate(case.device)) for _ in range(rounds)]
    speed = [masks * images / seconds for seconds, _ in pairs]
    shares = [found * flops / rate for found, (_, rate) in zip(speed, pairs, strict=True)]
    return {
        "model": case.name,
        "layer": case.layer,
        "gates": "folded" if case.folded else "plain",
        "masks_per_image": masks,
        "images": images,
        "suffix_mflop": round(flops / 1e6, 2),
        "networks_per_second": round(statistics.median(speed), 1),
        "share_of_roofline": round(statistics.median(shares), 3),
        "matmul_gflops": round(statistics.median(rate for _, rate in pairs) / 1e9, 1),
    }


def count(model: ModelAdapter, layer: str) -> int:
    """Floating point operations of the suffix for one network."""
    cut = model.cut(layer)
    frontier = cut.prefix(torch.zeros(1, 3, 224, 224, device=model.spec.device))
    with FlopCounterMode(display=False) as counter:
        cut.suffix(frontier, frontier.activation)
    return int(counter.get_total_flops())


def matmul_rate(device: str) -> float:
    """Floating point operations per second of a square float32 product, the best of five."""
    side = SIDE if device == "cpu" else 4 * SIDE
    a = torch.rand(side, side, device=device)
    return 2 * side**3 / min(timed(lambda: (a @ a)[0, 0].item()) for _ in range(5))


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
