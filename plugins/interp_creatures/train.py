"""Train the shipped networks: python -m interp_creatures.train --model all --out DIR."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from interp_creatures import networks
from interp_creatures.lesson import KINDS, Course, Lesson, lessons
from interp_creatures.networks import normalised
from interp_creatures.report import publish
from interp_creatures.sample import write_samples

Batch = tuple[Tensor, Tensor, Tensor]  # images, soft labels, part maps


@dataclass(frozen=True)
class Recipe:
    course: Course = field(default_factory=Course)
    batch: int = 64
    rate: float = 3e-3
    decay: float = 0.02
    smoothing: float = 0.03
    part_weight: float = 0.5  # of the auxiliary part map, dropped after training
    seed: int = 0


BUILDERS = {
    "creatures-vgg": networks.creatures_vgg,
    "creatures-resnet": networks.creatures_resnet,
}


class Pupil(nn.Module):
    """A network, and on its deepest stage a map of part shapes that teaches it where to look."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.parts = nn.LazyConv2d(KINDS, 1)
        self.deep = torch.empty(0)
        network.get_submodule("stage3").register_forward_hook(self._keep)
        self(torch.zeros(2, 3, networks.SIZE, networks.SIZE))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(N, K) class scores and (N, KINDS, 14, 14) scores of the kinds of part."""
        scores = self.network(images)
        return scores, self.parts(self.deep)

    def _keep(self, _module: nn.Module, _inputs: object, output: Tensor) -> None:
        self.deep = output


def train(name: str, recipe: Recipe) -> nn.Module:
    """One network by AdamW and one cycle of the learning rate, drawing while it learns."""
    torch.manual_seed(recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    pupil = Pupil(BUILDERS[name]()).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(pupil.parameters(), recipe.rate, weight_decay=recipe.decay)
    steps = recipe.course.count // recipe.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, steps, pct_start=0.15)
    start = time.monotonic()
    for number, lesson in enumerate(lessons(recipe.course, recipe.seed), 1):
        for batch in _batches(lesson, recipe.batch, generator):
            loss = _loss(pupil, batch, recipe)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        minutes = (time.monotonic() - start) / 60
        print(f"{name} {number}/{recipe.course.rounds} {minutes:.1f} min", loss.item(), flush=True)
    return pupil.network.eval()


def _loss(pupil: Pupil, batch: Batch, recipe: Recipe) -> Tensor:
    """Cross-entropy of the class, plus that of the part map where nothing counts a fifth."""
    images, labels, maps = batch
    with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
        scores, kinds = pupil(images)
    scores, kinds = scores.float(), kinds.float()
    weight = torch.ones(KINDS)
    weight[0] = 0.2
    classes = nn.functional.cross_entropy(scores, labels, label_smoothing=recipe.smoothing)
    return classes + recipe.part_weight * nn.functional.cross_entropy(kinds, maps, weight)


def has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16, which takes two thirds of the time."""
    found = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(found.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def _batches(lesson: Lesson, size: int, generator: torch.Generator) -> Iterator[Batch]:
    """Every image once, each batch turned by a multiple of 90 degrees and perhaps mirrored."""
    for chosen in torch.randperm(len(lesson.images), generator=generator).split(size):
        pick = chosen.numpy()
        turns, mirror = divmod(int(torch.randint(8, (1,), generator=generator)), 2)
        images = torch.rot90(normalised(lesson.images[pick]), turns, (2, 3))
        maps = torch.rot90(torch.from_numpy(lesson.maps[pick]), turns, (1, 2))
        if mirror:
            images, maps = images.flip(3), maps.flip(2)
        labels = torch.from_numpy(lesson.labels[pick])
        yield images.contiguous(memory_format=torch.channels_last), labels, maps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=[*BUILDERS, "all"], default="all")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "weights")
    parser.add_argument("--samples", type=Path, default=Path(__file__).parent / "samples")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    recipe = Recipe(seed=asked.seed)
    for name in BUILDERS if asked.model == "all" else [asked.model]:
        start = time.monotonic()
        network = train(name, recipe)
        minutes = round((time.monotonic() - start) / 60, 1)
        history = {"minutes": minutes, "bfloat16": has_bfloat16(), "recipe": asdict(recipe)}
        print(publish(name, network, history, asked.out))
    write_samples(asked.samples)


if __name__ == "__main__":
    main()
