"""Train the shipped networks and draw the sample images: `make models`, about 2.5 hours.

PYTHONPATH=benchmarks python -m creatures.train [--model NAME --out DIR --samples DIR --seed N]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from creatures.publish import SHIPPED, normalised, publish, write_samples
from creatures.training_data import CELL, KINDS, Schedule, TrainingData, training_rounds
from interp_creatures import networks

Batch = tuple[Tensor, Tensor, Tensor]  # images, soft labels, part maps


@dataclass(frozen=True)
class Recipe:
    """All choices of a training."""

    schedule: Schedule = field(default_factory=Schedule)
    batch: int = 64
    rate: float = 3e-3
    decay: float = 0.02
    smoothing: float = 0.03
    part_weight: float = 0.5  # of the auxiliary part map, dropped after training
    clip: float = 0.0  # largest norm of a step's gradients, 0 for any
    kept: tuple[str, ...] = ()  # layers that are creatures-resnet's, and are not trained
    seed: int = 0


@dataclass(frozen=True)
class Shipped:
    """A shipped network: its class, the layer that the part map is predicted from, its recipe."""

    builder: type[nn.Module]
    layer: str
    recipe: Recipe = field(default_factory=Recipe)


NETWORKS = {
    "creatures-vgg": Shipped(networks.CreaturesVGG, "stage3"),
    "creatures-resnet": Shipped(networks.CreaturesResNet, "stage3"),
    # Of the last block, only the class token is read.
    "creatures-vit": Shipped(
        networks.CreaturesViT,
        "blocks.2",
        Recipe(
            Schedule(rounds=10, ramp=0.3),
            rate=1.5e-3,
            clip=2.0,
            kept=("stem", "stage1", "stage2"),
        ),
    ),
}


class WithPartMap(nn.Module):
    """A network, and a map of part shapes predicted from a deep layer, for an auxiliary loss.

    Class labels alone do not make the networks look at heads and tails.
    """

    def __init__(self, network: nn.Module, layer: str) -> None:
        super().__init__()
        self.network = network
        self.parts = nn.LazyConv2d(KINDS, 1)
        self.deep = torch.empty(0)
        network.get_submodule(layer).register_forward_hook(self._store)
        self(torch.zeros(2, 3, networks.SIZE, networks.SIZE))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(N, K) class scores and (N, KINDS, 14, 14) scores of the kinds of part."""
        scores = self.network(images)
        return scores, self.parts(self.deep)

    def _store(self, _module: nn.Module, _inputs: object, output: Tensor) -> None:
        """Keep the layer's map; a class token before the cells is left out."""
        side = networks.SIZE // CELL
        tokens = output.dim() == 3
        self.deep = output[:, 1:].mT.unflatten(2, (side, side)) if tokens else output


def train(name: str, recipe: Recipe, checkpoint: Path) -> nn.Module:
    """One network by AdamW and one cycle of the learning rate; images are drawn meanwhile.

    After each round all is kept in the file `checkpoint`, from which a later call goes on.
    """
    torch.manual_seed(recipe.seed)
    shipped = NETWORKS[name]
    network = shipped.builder()
    _keep_layers(network, recipe.kept)
    model = WithPartMap(network, shipped.layer).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), recipe.rate, weight_decay=recipe.decay)
    steps = recipe.schedule.count // recipe.batch
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, steps, pct_start=0.15)
    running = (model, optimizer, rates)
    done = _restore(checkpoint, running)
    start = time.monotonic()
    for number, data in enumerate(training_rounds(recipe.schedule, recipe.seed, done), done + 1):
        generator = torch.Generator().manual_seed(1000 * recipe.seed + number)
        for batch in _batches(data, recipe.batch, generator):
            loss = _loss(model, batch, recipe)
            optimizer.zero_grad()
            loss.backward()
            if recipe.clip:
                nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
            optimizer.step()
            rates.step()
        torch.save((number, [each.state_dict() for each in running]), checkpoint)
        minutes = (time.monotonic() - start) / 60
        print(
            f"{name} {number}/{recipe.schedule.rounds} {minutes:.1f} min", loss.item(), flush=True
        )
    return model.network.eval()


def _keep_layers(network: nn.Module, names: Sequence[str]) -> None:
    """Give layers the weights of creatures-resnet, and exclude them from training."""
    state = load_file(SHIPPED / "weights" / "creatures-resnet.safetensors")
    for name in names:
        start, layer = f"{name}.", network.get_submodule(name)
        own = {key.removeprefix(start): state[key] for key in state if key.startswith(start)}
        layer.load_state_dict(own)
        layer.requires_grad_(False).eval()


def _restore(checkpoint: Path, running: Sequence[Any]) -> int:
    """Load what an interrupted training wrote, and return its number of finished rounds."""
    if not checkpoint.exists():
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        return 0
    done, states = torch.load(checkpoint)
    for each, state in zip(running, states, strict=True):
        each.load_state_dict(state)
    return int(done)


def _loss(model: WithPartMap, batch: Batch, recipe: Recipe) -> Tensor:
    """Cross-entropy of the class, plus that of the part map, where an empty cell counts a fifth."""
    images, labels, maps = batch
    with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
        scores, kinds = model(images)
    scores, kinds = scores.float(), kinds.float()
    weight = torch.ones(KINDS)
    weight[0] = 0.2
    classes = nn.functional.cross_entropy(scores, labels, label_smoothing=recipe.smoothing)
    return classes + recipe.part_weight * nn.functional.cross_entropy(kinds, maps, weight)


def has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16, which shortens training by a third."""
    found = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(found.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def _batches(data: TrainingData, size: int, generator: torch.Generator) -> Iterator[Batch]:
    """Every image once, each batch turned by a multiple of 90 degrees and perhaps mirrored."""
    for chosen in torch.randperm(len(data.images), generator=generator).split(size):
        pick = chosen.numpy()
        turns, mirror = divmod(int(torch.randint(8, (1,), generator=generator)), 2)
        images = torch.rot90(normalised(data.images[pick]), turns, (2, 3))
        maps = torch.rot90(torch.from_numpy(data.maps[pick]), turns, (1, 2))
        if mirror:
            images, maps = images.flip(3), maps.flip(2)
        labels = torch.from_numpy(data.labels[pick])
        yield images.contiguous(memory_format=torch.channels_last), labels, maps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=[*NETWORKS, "all"], default="all")
    parser.add_argument("--out", type=Path, default=SHIPPED / "weights")
    parser.add_argument("--samples", type=Path, default=SHIPPED / "samples")
    parser.add_argument("--checkpoints", type=Path, default=Path("build/creatures-training"))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for name in NETWORKS if arguments.model == "all" else [arguments.model]:
        recipe = replace(NETWORKS[name].recipe, seed=arguments.seed)
        checkpoint = arguments.checkpoints / f"{name}.pt"
        start = time.monotonic()
        network = train(name, recipe, checkpoint)
        minutes = round((time.monotonic() - start) / 60, 1)
        history = {"minutes": minutes, "bfloat16": has_bfloat16(), "recipe": asdict(recipe)}
        publish(name, network, history, arguments.out)
        checkpoint.unlink()
    write_samples(arguments.samples)


if __name__ == "__main__":
    main()
