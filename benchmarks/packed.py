"""What packed convolutions save: networks of torchvision as a graph, with and without them.

python benchmarks/packed.py [--repeats N]
Writes benchmarks/results/packed.json. One thread; the two take turns in one process, each on images
that lie channels last. Ratios are of processor time: above 1 the packed graph is faster. The
weights are random.
"""

from __future__ import annotations

import argparse
import statistics

import torch
import torchvision
from record import cpu_seconds, record
from torch import fx

from interp_torch.packed import PackedGraph

NETWORKS = (
    "resnet50",
    "vgg16_bn",
    "mobilenet_v2",
    "efficientnet_b0",
    "densenet121",
    "convnext_tiny",
)
BATCHES = (1, 16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = {}
    for name in NETWORKS:
        module = torchvision.models.get_model(name, weights=None).eval()
        graph = PackedGraph.of(fx.symbolic_trace(module), {})
        for batch in BATCHES:
            found[f"{name}, {batch} images"] = ratio(graph, batch, arguments.repeats)
            print(name, batch, found[f"{name}, {batch} images"])
    record("packed", found)


@torch.no_grad()
def ratio(graph: PackedGraph, batch: int, repeats: int) -> float:
    """Median of the plain graph's time over the packed one's."""
    images = torch.rand(batch, 3, 224, 224).contiguous(memory_format=torch.channels_last)
    graph(images)  # lays the weights out
    times = [
        cpu_seconds(lambda: graph.plain(images)) / cpu_seconds(lambda: graph(images))
        for _ in range(repeats)
    ]
    return statistics.median(times)


if __name__ == "__main__":
    main()
