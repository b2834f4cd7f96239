"""Train the shipped segmentation network: `make models` does, in about twenty minutes.

PYTHONPATH=benchmarks python -m creatures.train_segmenter [--out DIR --checkpoint FILE]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from creatures.publish import SHIPPED, TEST_COUNT, TEST_SEED, normalised, write_network
from creatures.train import has_bfloat16
from interp.dataset import Example
from interp_creatures.config import CONFIG
from interp_creatures.dataset import VERSION, Creatures
from interp_creatures.segmenter import PARTS, CreaturesSegmenter

NAME = "creatures-segmenter"
TRAINING_SEED = 5_000_000


@dataclass(frozen=True)
class Recipe:
    """All choices of the training; every image is drawn for its step alone."""

    steps: int = 1600
    batch: int = 24
    rate: float = 4e-3
    decay: float = 0.02
    ramp: float = 0.3  # share of the steps until full difficulty
    part_weight: float = 2.0  # of the loss of a part's pixel, beside one of the background


def train(recipe: Recipe, checkpoint: Path) -> nn.Module:
    """The network by AdamW and one cycle of the learning rate, from where `checkpoint` has it."""
    torch.manual_seed(0)
    network = CreaturesSegmenter()
    optimizer = torch.optim.AdamW(network.parameters(), recipe.rate, weight_decay=recipe.decay)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, recipe.steps, pct_start=0.2)
    kept = (network, optimizer, rates)
    weight = torch.tensor([1.0] + [recipe.part_weight] * (len(PARTS) - 1))
    for step in range(_restore(checkpoint, kept), recipe.steps):
        images, truth = training_batch(recipe, step)
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
            scores = network(images)
        loss = nn.functional.cross_entropy(scores.float(), truth, weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rates.step()
        if (step + 1) % 50 == 0:
            torch.save((step + 1, [each.state_dict() for each in kept]), checkpoint)
            print(time.strftime("%H:%M"), f"{step + 1}/{recipe.steps}", loss.item(), flush=True)
    return network.eval()


def _restore(checkpoint: Path, kept: Sequence[Any]) -> int:
    """Load what an interrupted training kept, and return its number of finished steps."""
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    if not checkpoint.exists():
        return 0
    done, states = torch.load(checkpoint)
    for each, state in zip(kept, states, strict=True):
        each.load_state_dict(state)
    return int(done)


def training_batch(recipe: Recipe, step: int) -> tuple[Tensor, Tensor]:
    """Images (N, 3, H, W) of a step, a quarter with two creatures, and the pixels' parts (N, H, W).

    They are as hard as the recipe has it by then.
    """
    config = CONFIG.eased(min(1.0, step / (recipe.ramp * recipe.steps)))
    sets = [Creatures(recipe.batch, TRAINING_SEED + step, n % 4 == 3, config) for n in range(4)]
    examples = [sets[n % 4][n] for n in range(recipe.batch)]
    images = normalised(np.stack([each.image for each in examples]))
    truth = torch.from_numpy(np.stack([part_map(each) for each in examples]))
    return images, truth


def part_map(example: Example) -> np.ndarray:
    """The index among PARTS of what each pixel shows, (H, W) int64."""
    shown = np.zeros(example.image.shape[:2], np.int64)
    for instance in example.instances:
        for part in instance.parts:
            shown[part.mask] = PARTS.index(part.name)
    return shown


def measure(network: nn.Module, count: int = TEST_COUNT) -> dict[str, Any]:
    """Intersection over union of each class, over all pixels of the held-out images."""
    dataset = Creatures(count, TEST_SEED)
    counts = np.zeros((len(PARTS), len(PARTS)), np.int64)
    for example in dataset:
        with torch.no_grad():
            found = network(normalised(example.image[None]))[0].argmax(0).numpy()
        pairs = part_map(example) * len(PARTS) + found
        counts += np.bincount(pairs.ravel(), minlength=counts.size).reshape(counts.shape)
    both = np.diag(counts)
    ious = both / (counts.sum(0) + counts.sum(1) - both)
    return {
        "test": {"seed": TEST_SEED, "count": count, "drawing": VERSION},
        "mean_iou": round(float(ious.mean()), 4),
        "iou": {name: round(float(one), 4) for name, one in zip(PARTS, ious, strict=True)},
        "pixel_accuracy": round(float(both.sum() / counts.sum()), 4),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=SHIPPED / "weights")
    parser.add_argument("--checkpoint", type=Path, default=Path(f"build/{NAME}.pt"))
    arguments = parser.parse_args()
    recipe = Recipe()
    network = train(recipe, arguments.checkpoint)
    history = {"bfloat16": has_bfloat16(), "recipe": asdict(recipe)}
    write_network(NAME, network, {**measure(network), **history}, arguments.out)


if __name__ == "__main__":
    main()
