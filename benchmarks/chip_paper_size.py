"""What CHIP learned from 10^8 perturbed networks, and their rate against the machine's products.

OMP_NUM_THREADS=1 python benchmarks/chip_paper_size.py FITTED --layer LAYER [--pace FILE]
Writes benchmarks/results/chip_paper_size.json. FITTED is what this command made:

    interp fit --plugin chip --every-class --correct false --model imagenet/mobilenet_v2.onnx \
        --data imagenet/val --layer head --images 650 --masks 153847 --out FITTED

The images' labels are not used: every image stands for all classes. `--pace` is a file with lines
`TIME cpu SECONDS NETWORKS of ALL`, taken while the command ran. The rate is measured again here, on
a few images: networks per processor second of one thread, beside the two float32 products that
each network takes at least at a head, gates (B, C) by the head (C, K) and answers (K, B) by gates
(B, C). An earlier layer's networks also run what is between.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from record import DATA, cpu_seconds, record
from scipy.stats import spearmanr

from interp.context import Budget, Context
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp.target import Target
from interp_chip.experiment import LayerExperiment
from interp_chip.knowledge import ChipKnowledge
from interp_chip.params import ChipParams
from interp_chip.training_images import unlabelled_images

TELLING = 5
"""Channels named for each class."""
IMAGES, MASKS, ROUNDS = 3, 20000, 3
BATCH = 256
SHARES = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fitted", type=Path)
    parser.add_argument("--model", type=Path, default=DATA / "imagenet" / "mobilenet_v2.onnx")
    parser.add_argument("--images", type=Path, default=DATA / "imagenet" / "val")
    parser.add_argument("--layer", required=True)
    parser.add_argument("--pace", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    known = Knowledge.open(arguments.fitted)
    model = open_model(str(arguments.model), ModelOptions(device="cpu"), Registry.load())
    chip = ChipKnowledge.read(known)
    found = {
        "model": arguments.model.name,
        "layer": arguments.layer,
        "threads": torch.get_num_threads(),
        "fit": known.about["layers"][arguments.layer],
        "rank correlation with slopes": agreement(chip, model, arguments),
        "rate": rate(model, arguments.images, arguments.layer),
        "pace": [] if arguments.pace is None else arguments.pace.read_text().splitlines(),
        **summary(chip, arguments.layer),
    }
    record("chip_paper_size", found, arguments.out)


def summary(known: ChipKnowledge, layer: str) -> dict[str, object]:
    """R^2 over classes, how sure the weights are, and each class's most telling channels."""
    held = known.layers[layer]
    order = np.argsort(-held.weights, axis=1)[:, :TELLING]
    found: dict[str, object] = {"classes": len(known.classes), "channels": held.weights.shape[1]}
    if held.r2 is not None:
        found["r2"] = spread(held.r2)
    if held.standard_error is not None:
        best = np.take_along_axis(held.weights, order, 1)
        errors = np.take_along_axis(held.standard_error, order, 1)
        found["telling weights over their standard error"] = spread(best / errors)
    found["channels that are most telling for a class"] = len(set(order[:, 0].tolist()))
    found["weights that are zero"] = round(float((held.weights == 0).mean()), 4)
    found["telling"] = {
        name: {str(c): float(f"{weights[c]:.3g}") for c in row}
        for name, row, weights in zip(known.names, order, held.weights, strict=True)
    }
    return found


def agreement(
    known: ChipKnowledge, model: ModelAdapter, arguments: argparse.Namespace
) -> dict[str, float]:
    """Quantiles over classes of the rank correlation of W with what slopes say of closing channels.

    That is the mean over images of the sum over cells of a_c dp_k/da_c.
    """
    held = known.layers[arguments.layer].weights
    every = [Target(each, str(each)) for each in range(len(model.spec.classes))]
    total, cut = torch.zeros(held.shape), model.cut(arguments.layer)
    for image in photographs(arguments.images):
        frontier = cut.prefix(model.prepare(image)[0][None])
        slopes = cut.gradient(frontier, every, "prob")
        total += (slopes * frontier.activation).flatten(2).sum(2)
    rows = zip(held, total.numpy()[list(known.classes)], strict=True)
    return spread(np.array([spearmanr(own, slopes).statistic for own, slopes in rows]))


def photographs(folder: Path) -> Iterator[np.ndarray]:
    """Images (H, W, 3) uint8 RGB."""
    for file in sorted(folder.glob("*.JPEG")):
        yield cv2.imread(str(file))[:, :, ::-1].copy()


def spread(values: np.ndarray) -> dict[str, float]:
    """Quantiles."""
    return {f"{each:g}": round(float(np.nanquantile(values, each)), 4) for each in SHARES}


def rate(model: ModelAdapter, folder: Path, layer: str) -> dict[str, float]:
    """Networks per processor second, and what the two products of a network alone allow."""
    images = list(islice(photographs(folder), IMAGES))
    training = unlabelled_images(images, range(len(model.spec.classes)))
    context = Context(budget=Budget())
    experiment = LayerExperiment(model, layer, training, ChipParams(), context, MASKS)
    first, *pieces = experiment.pieces(range(experiment.chunks))
    experiment.sums(first)
    channels, classes = experiment.design.parts, len(model.spec.classes)
    gates, head = torch.rand(BATCH, channels), torch.rand(channels, classes)
    answers = torch.rand(classes, BATCH)

    def products() -> None:
        for _ in range(MASKS // BATCH):
            gates @ head
            answers @ gates

    networks = sum(map(experiment.networks, pieces))
    found = [
        (
            networks / cpu_seconds(lambda: [experiment.sums(each) for each in pieces]),
            MASKS // BATCH * BATCH / cpu_seconds(products),
        )
        for _ in range(ROUNDS)
    ]
    return {
        "networks per second": round(statistics.median(a for a, _ in found)),
        "products alone": round(statistics.median(b for _, b in found)),
        "share": round(statistics.median(a / b for a, b in found), 3),
    }


if __name__ == "__main__":
    main()
