"""Train creatures-detector from creatures-resnet's weights, part of `make models`.

PYTHONPATH=benchmarks python -m creatures.train_detector [--out DIR --rounds N --checkpoint FILE]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.ops import batched_nms, box_convert, generalized_box_iou_loss

from creatures.average_precision import Found, average_precision
from creatures.publish import SHIPPED, TEST_COUNT, TEST_SEED, normalised, write_network
from creatures.train import has_bfloat16
from interp.dataset import Example
from interp_creatures.dataset import VERSION, Creatures, Scenes
from interp_creatures.detector import STRIDE, CreaturesDetector
from interp_creatures.networks import SIZE

TRAINING_SEED = 3_000_000
CHECK_SEED = 4_000_000  # of the images on which training is followed
MOST = 3  # creatures of an image


@dataclass(frozen=True)
class Recipe:
    """All choices of a training."""

    rounds: int = 6
    fresh: int = 4096  # images drawn per round
    passes: int = 2  # over the images of a round
    batch: int = 64
    rate: float = 1.5e-3
    decay: float = 0.02
    smoothing: float = 0.02
    box_weight: float = 2.0
    reach: float = 1.0  # cells from a creature's middle, along x and y, that learn its box
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Boxes:
    """Images (N, 112, 112, 3) uint8 with their creatures' corners (N, 3, 4) and classes (N, 3).

    A class of -1 stands for no creature.
    """

    images: np.ndarray
    corners: np.ndarray
    labels: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=SHIPPED / "weights")
    parser.add_argument("--checkpoint", type=Path, default=Path("build/creatures-detector.pt"))
    parser.add_argument("--rounds", type=int, default=Recipe.rounds)
    arguments = parser.parse_args()
    recipe = Recipe(rounds=arguments.rounds)
    start = time.monotonic()
    network = train(recipe, arguments.checkpoint)
    minutes = round((time.monotonic() - start) / 60, 1)
    history = {"minutes": minutes, "bfloat16": has_bfloat16(), "recipe": asdict(recipe)}
    write_network("creatures-detector", network, {**measure(network), **history}, arguments.out)


def train(recipe: Recipe, checkpoint: Path) -> CreaturesDetector:
    """By AdamW and one cycle of the learning rate; goes on from the checkpoint, if there is one."""
    torch.manual_seed(recipe.seed)
    network = CreaturesDetector().to(memory_format=torch.channels_last)
    network.load_state_dict(
        load_file(SHIPPED / "weights/creatures-resnet.safetensors"), strict=False
    )
    optimizer = torch.optim.AdamW(network.parameters(), recipe.rate, weight_decay=recipe.decay)
    steps = recipe.rounds * recipe.passes * (recipe.fresh // recipe.batch)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, steps, pct_start=0.1)
    parts = {"network": network, "optimizer": optimizer, "rates": rates}
    done = _resume(parts, checkpoint)
    for number in range(done, recipe.rounds):
        loss = _round(network, optimizer, rates, recipe, number)
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        torch.save(
            {"done": number + 1, **{k: v.state_dict() for k, v in parts.items()}}, checkpoint
        )
        print(f"{number + 1}/{recipe.rounds}", [round(each, 3) for each in loss], flush=True)
        if number % 3 == 2:
            checked = precision(network.eval(), Scenes(300, CHECK_SEED))
            print("  AP50 on images of their own", round(checked, 4), flush=True)
    return network.eval()


def _resume(parts: dict[str, Any], checkpoint: Path) -> int:
    """Load the checkpoint, if there is one, and how many rounds were done by then."""
    if not checkpoint.exists():
        return 0
    saved = torch.load(checkpoint, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(saved[name])
    return int(saved["done"])


def _round(
    network: CreaturesDetector, optimizer: Any, rates: Any, recipe: Recipe, number: int
) -> list[float]:
    """Train on the images of one round; the mean losses of object, box and class."""
    data = draw_boxes(Scenes(recipe.fresh, TRAINING_SEED + 1000 * recipe.seed + number))
    generator = torch.Generator().manual_seed(1000 * recipe.seed + number)
    network.train()
    total = []
    for _ in range(recipe.passes):
        order = torch.randperm(len(data.images), generator=generator)
        for chosen in order.split(recipe.batch):
            if len(chosen) < recipe.batch:
                continue
            losses = _losses(network, *_batch(data, chosen, generator), recipe)
            optimizer.zero_grad()
            sum(losses).backward()
            optimizer.step()
            rates.step()
            total.append([loss.item() for loss in losses])
    return np.mean(total, axis=0).tolist()


def draw_boxes(dataset: Creatures) -> Boxes:
    """Every image of a data set with its creatures."""
    count = len(dataset)
    images = np.empty((count, SIZE, SIZE, 3), np.uint8)
    corners, labels = np.zeros((count, MOST, 4), np.float32), np.full((count, MOST), -1)
    for index, example in enumerate(dataset):
        images[index] = example.image
        for place, instance in enumerate(example.instances):
            corners[index, place], labels[index, place] = instance.box, instance.label
    return Boxes(images, corners, labels)


def _batch(data: Boxes, chosen: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Images, corners and classes, all mirrored and turned alike in one of eight ways."""
    pick = chosen.numpy()
    images = normalised(data.images[pick])
    corners, labels = torch.from_numpy(data.corners[pick]), torch.from_numpy(data.labels[pick])
    swap, across, down = torch.randint(2, (3,), generator=generator).tolist()
    if swap:
        images, corners = images.transpose(2, 3), corners[..., [1, 0, 3, 2]]
    if across:
        images, corners = images.flip(3), _mirrored(corners, 0)
    if down:
        images, corners = images.flip(2), _mirrored(corners, 1)
    return images.contiguous(memory_format=torch.channels_last), corners, labels


def _mirrored(corners: Tensor, axis: int) -> Tensor:
    mirrored = corners.clone()
    mirrored[..., axis] = SIZE - corners[..., axis + 2]
    mirrored[..., axis + 2] = SIZE - corners[..., axis]
    return mirrored


def _losses(
    network: CreaturesDetector, images: Tensor, corners: Tensor, labels: Tensor, recipe: Recipe
) -> list[Tensor]:
    """Of objectness (its target is the box's IoU), of the box (GIoU) and of the class."""
    with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
        raw = network.grid(images)
    raw = raw.float()
    owner, held = _owners(network.centres, corners, labels, recipe.reach)  # (N, 196) each
    true = corners.gather(1, owner[..., None].expand(-1, -1, 4))[held]
    mine = box_convert(network.boxes(raw)[held], "cxcywh", "xyxy")
    box = generalized_box_iou_loss(mine, true, reduction="none")
    overlap = torch.zeros(held.shape)
    overlap[held] = _paired_iou(mine.detach(), true)
    count = max(int(held.sum()), 1)
    objectness = nn.functional.binary_cross_entropy_with_logits(
        raw[..., 4], overlap, reduction="sum"
    )
    classes = nn.functional.cross_entropy(
        raw[..., 5:][held],
        labels.gather(1, owner)[held],
        label_smoothing=recipe.smoothing,
        reduction="sum",
    )
    return [objectness / count, recipe.box_weight * box.sum() / count, classes / count]


def _owners(
    centres: Tensor, corners: Tensor, labels: Tensor, reach: float
) -> tuple[Tensor, Tensor]:
    """The creature nearest to each cell, and whether the cell learns its box, (N, 196) each."""
    middle = (corners[..., :2] + corners[..., 2:]) / 2
    away = (centres[None, :, None] - middle[:, None]).abs().amax(3)  # (N, 196, 3)
    away = away.masked_fill((labels < 0)[:, None], float("inf"))
    nearest, owner = away.min(2)
    return owner, nearest <= (reach + 0.5) * STRIDE


def _paired_iou(first: Tensor, second: Tensor) -> Tensor:
    low, high = (
        torch.maximum(first[:, :2], second[:, :2]),
        torch.minimum(first[:, 2:], second[:, 2:]),
    )
    shared = (high - low).clamp(min=0).prod(1)
    areas = [(each[:, 2:] - each[:, :2]).prod(1) for each in (first, second)]
    return shared / (areas[0] + areas[1] - shared)


def measure(network: nn.Module) -> dict[str, Any]:
    """AP50 on held-out scenes, and on images with two creatures."""
    pairs = Creatures(500, TEST_SEED, two=True)
    return {
        "test": {"seed": TEST_SEED, "count": TEST_COUNT, "drawing": VERSION},
        "ap50": round(precision(network, Scenes(TEST_COUNT, TEST_SEED)), 4),
        "ap50_two_creatures": round(precision(network, pairs), 4),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }


def precision(network: nn.Module, dataset: Creatures) -> float:
    """Mean over the classes of AP50."""
    examples = list(dataset)
    found = detect(network, np.stack([example.image for example in examples]))
    by_class = average_precision(found, [_truth(example) for example in examples])
    return float(np.mean(list(by_class.values())))


def _truth(example: Example) -> Found:
    boxes = np.array([instance.box for instance in example.instances])
    labels = np.array([instance.label for instance in example.instances])
    return Found(boxes, labels, np.ones(len(labels)))


@torch.no_grad()
def detect(
    network: nn.Module, images: np.ndarray, least: float = 0.01, overlap: float = 0.5
) -> list[Found]:
    """Each image's boxes of a score, objectness x class probability, from `least`, after NMS."""
    found = []
    for chunk in np.array_split(images, -(-len(images) // 100)):
        for rows in network(normalised(chunk)):
            scores, labels = (rows[:, 4:5] * rows[:, 5:]).max(1)
            boxes = box_convert(rows[:, :4], "cxcywh", "xyxy")
            shown = scores >= least
            boxes, scores, labels = boxes[shown], scores[shown], labels[shown]
            kept = batched_nms(boxes, scores, labels, overlap)
            found.append(Found(*(each[kept].numpy() for each in (boxes, labels, scores))))
    return found


if __name__ == "__main__":
    main()
