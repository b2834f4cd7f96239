"""Train the shipped networks: python -m interp_creatures.train --model all --out DIR."""

from __future__ import annotations

import argparse
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from interp_creatures import networks
from interp_creatures.lesson import KINDS, Lesson, prepare

BUILDERS = {
    "creatures-vgg": (networks.creatures_vgg, "stage3"),
    "creatures-resnet": (networks.creatures_resnet, "stage3"),
}


@dataclass(frozen=True)
class Recipe:
    rounds: int = 16  # of freshly drawn images
    fresh: int = 4096  # images drawn per round
    reuse: int = 3  # rounds for which a drawn image stays in use, turned each time
    ramp: float = 0.45  # share of the rounds until full difficulty
    batch: int = 64
    rate: float = 3e-3
    decay: float = 0.02
    part_weight: float = 0.5  # of the auxiliary part map, dropped after training


def train(name: str, recipe: Recipe, seed: int = 0) -> nn.Module:
    """One network by AdamW and one cycle of the learning rate, drawing while it learns."""
    torch.manual_seed(seed)
    builder, deep = BUILDERS[name]
    pupil = Pupil(builder(), deep).to(memory_format=torch.channels_last)
    steps = sum(1 for _ in _sizes(recipe))
    optimizer = torch.optim.AdamW(pupil.parameters(), recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, steps, pct_start=0.15)
    generator = torch.Generator().manual_seed(seed)
    start = time.monotonic()
    for number, lessons in enumerate(_rounds(recipe, seed)):
        losses = []
        for batch in _batches(lessons, recipe, generator):
            loss = pupil.loss(*batch, recipe.part_weight)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.detach())
        minutes = (time.monotonic() - start) / 60
        print(
            f"{name} round {number + 1}/{recipe.rounds} loss {torch.stack(losses).mean():.3f} {minutes:.1f} min {pupil.score:.3f}",
            flush=True,
        )
    return pupil.network.eval()


class Pupil(nn.Module):
    """A network with an auxiliary map of part shapes on its deepest stage."""

    def __init__(self, network: nn.Module, deep: str) -> None:
        super().__init__()
        self.network = network
        self.deep: list[Tensor] = []
        self.score = 0.0
        stage = network.get_submodule(deep)
        stage.register_forward_hook(lambda _module, _inputs, output: self.deep.append(output))
        self.parts = nn.LazyConv2d(KINDS, 1)
        self.network(torch.zeros(2, 3, networks.SIZE, networks.SIZE))
        self.parts(self.deep.pop())

    def loss(self, images: Tensor, labels: Tensor, maps: Tensor, part_weight: float) -> Tensor:
        scores = self.network(images)
        hits = (scores.argmax(1) == labels.argmax(1)).float().mean().item()
        self.score += 0.02 * (hits - self.score)
        classes = nn.functional.cross_entropy(scores, labels, label_smoothing=0.03)
        weight = torch.ones(KINDS)
        weight[0] = 0.2
        parts = nn.functional.cross_entropy(self.parts(self.deep.pop()), maps, weight)
        return classes + part_weight * parts


def _sizes(recipe: Recipe) -> Iterator[int]:
    for number in range(recipe.rounds):
        yield from range(min(number + 1, recipe.reuse) * recipe.fresh // recipe.batch)


def _rounds(recipe: Recipe, seed: int) -> Iterator[list[Lesson]]:
    """The lessons in use in each round; the next is drawn in another process meanwhile."""
    kept: deque[Lesson] = deque(maxlen=recipe.reuse)
    with ProcessPoolExecutor(1, initializer=_single_thread) as pool:
        future = pool.submit(prepare, *_order(recipe, seed, 0))
        for number in range(recipe.rounds):
            kept.append(future.result())
            if number + 1 < recipe.rounds:
                future = pool.submit(prepare, *_order(recipe, seed, number + 1))
            yield list(kept)


def _order(recipe: Recipe, seed: int, number: int) -> tuple[int, int, float]:
    difficulty = min(1.0, number / max(1.0, recipe.ramp * recipe.rounds))
    return 1_000_000 * (seed + 1) + number, recipe.fresh, difficulty


def _single_thread() -> None:
    import cv2

    cv2.setNumThreads(1)


def _batches(
    lessons: list[Lesson], recipe: Recipe, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Every image once, each batch mirrored and turned by a multiple of 90 degrees."""
    images = np.concatenate([lesson.images for lesson in lessons])
    labels = torch.from_numpy(np.concatenate([lesson.labels for lesson in lessons]))
    maps = torch.from_numpy(np.concatenate([lesson.maps for lesson in lessons]))
    for chosen in torch.randperm(len(images), generator=generator).split(recipe.batch):
        turns, mirror = torch.randint(8, (1,), generator=generator).item() % 4, chosen[0] % 2 == 0
        batch = normalise(torch.from_numpy(images[chosen.numpy()]))
        image, kinds = torch.rot90(batch, turns, (2, 3)), torch.rot90(maps[chosen], turns, (1, 2))
        if mirror:
            image, kinds = image.flip(3), kinds.flip(2)
        yield image.contiguous(memory_format=torch.channels_last), labels[chosen], kinds


def normalise(images: Tensor) -> Tensor:
    """(N, H, W, 3) uint8 -> (N, 3, H, W) as the networks want it."""
    mean, std = torch.tensor(networks.MEAN), torch.tensor(networks.STD)
    return ((images / 255 - mean) / std).permute(0, 3, 1, 2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="creatures-vgg")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--fresh", type=int, default=2048)
    parser.add_argument("--save")
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--part", type=float, default=0.5)
    a = parser.parse_args()
    recipe = Recipe(rounds=a.rounds, fresh=a.fresh, rate=a.rate, part_weight=a.part)
    network = train(a.model, recipe)
    from interp_creatures.dataset import Creatures
    from interp_creatures.cover import keep_only, paint_over

    torch.set_grad_enabled(False)

    def acc(images, labels):
        s = torch.cat(
            [
                network(normalise(torch.from_numpy(np.stack(images[i : i + 100]))))
                for i in range(0, len(images), 100)
            ]
        )
        return (s.argmax(1).numpy() == labels).mean()

    d = Creatures(600, 77, False)
    ex = list(d)
    y = np.array([e.label for e in ex])
    print("single", acc([e.image for e in ex], y))
    print(
        "keep mean",
        acc([keep_only(e) for e in ex], y),
        "redrawn",
        acc([d.without(i, ("body", "legs", "fin")).image for i in range(600)], y),
    )
    print(
        "over mean",
        acc([paint_over(e) for e in ex], y),
        "inpaint",
        acc([paint_over(e, fill="surroundings") for e in ex], y),
        "redrawn",
        acc([d.without(i, ("head", "tail")).image for i in range(600)], y),
    )
    t = list(Creatures(300, 78, True))
    s = torch.cat(
        [
            network(normalise(torch.from_numpy(np.stack([e.image for e in t[i : i + 100]]))))
            for i in range(0, 300, 100)
        ]
    )
    pair = np.array([[q.label for q in e.instances] for e in t])
    top = s.topk(2).indices.numpy()
    print(
        "two: top1 larger",
        (top[:, 0] == pair[:, 0]).mean(),
        "top1 either",
        (top[:, :1] == pair).any(1).mean(),
        "top2 both",
        (np.sort(top, 1) == np.sort(pair, 1)).all(1).mean(),
    )
    if a.save:
        torch.save(network.state_dict(), a.save)
