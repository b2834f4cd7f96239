"""Models whose answer is known: each class looks at colours, on an image of coloured shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
import torch
from support.networks import opened
from torch import nn

from interp.context import Budget
from interp.explanation import Explanation
from interp.model import ModelAdapter
from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp.spec import ModelOptions

SIZE = 96
COLOURS = {"red": (220, 40, 40), "green": (40, 190, 60), "blue": (40, 70, 220)}
CLASSES = ("red", "red and green", "nothing", "constant")


class ColourNet(nn.Module):
    """How much red and how much green there is, found through two strided layers.

    "nothing" is all but impossible whatever the image, "constant" has probability .3.
    """

    def __init__(self) -> None:
        super().__init__()
        self.colour = nn.Conv2d(3, 3, 1)
        self.narrow = nn.Conv2d(3, 3, 4, stride=2, padding=1, groups=3, bias=False)
        self.deep = nn.Conv2d(3, 3, 4, stride=2, padding=1, groups=3, bias=False)
        self.head = nn.Linear(3, len(CLASSES))
        amount = torch.full((3, 3, 1, 1), -1.0)
        amount[range(3), range(3)] = 1.0
        self.colour.weight.data = amount  # a channel less the two others
        self.colour.bias = nn.Parameter(torch.full((3,), -0.25))
        for each in (self.narrow, self.deep):
            each.weight.data.fill_(1 / 16)
        self.head.weight.data = torch.tensor([[80.0, 0, 0], [45, 45, 0], [0, 0, 0], [0, 0, 0]])
        self.head.bias.data = torch.tensor([-3.0, -4.0, -12.0, -0.85])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.colour(x))
        x = torch.relu(self.narrow(x))
        x = torch.relu(self.deep(x))
        return self.head(x.mean((2, 3)))


@dataclass(frozen=True, eq=False)
class Planted:
    """An image of three shapes on a grey texture, and where each one is."""

    image: np.ndarray
    masks: dict[str, np.ndarray]


@pytest.fixture
def plant() -> Callable[[int], Planted]:
    """The image of a seed."""
    return planted


def planted(seed: int) -> Planted:
    random = np.random.default_rng(seed)
    noise = random.normal(120, 25, (SIZE // 4, SIZE // 4))
    grey = cv2.resize(noise, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    image = np.repeat(grey[..., None], 3, 2) + random.normal(0, 4, (SIZE, SIZE, 3))
    corners = random.permutation([(24, 24), (24, 72), (72, 24), (72, 72)])
    masks = {}
    for (x, y), (name, colour) in zip(corners, COLOURS.items(), strict=False):
        mask = np.zeros((SIZE, SIZE), np.uint8)
        axes = [int(each) for each in random.integers(11, 19, 2)]
        centre = (int(x + random.integers(-5, 6)), int(y + random.integers(-5, 6)))
        cv2.ellipse(mask, centre, axes, float(random.integers(180)), 0, 360, 1, -1)
        image[mask > 0] = np.asarray(colour) + random.normal(0, 12, (int(mask.sum()), 3))
        masks[name] = mask > 0
    return Planted(image.clip(0, 255).astype(np.uint8), masks)


@pytest.fixture(scope="session")
def colour_model() -> ModelAdapter:
    """ColourNet with independent probabilities."""
    options = ModelOptions(
        input={"size": (SIZE, SIZE), "mean": (0.5,) * 3, "std": (1.0,) * 3}, activation="sigmoid"
    )
    return opened(ColourNet().eval(), options, CLASSES)


@pytest.fixture(scope="session")
def explain(colour_model: ModelAdapter) -> Callable[..., Explanation]:
    """explain(image, *targets, **params): by MINT on ColourNet, through the one road."""
    registry = Registry.load()

    def explained(
        image: np.ndarray, *targets: str, samples: int = 800, seed: int = 0, **params: object
    ) -> Explanation:
        request = Request(
            method="mint",
            targets=targets,
            params=params,
            seed=seed,
            budget=Budget(samples=samples, batch_size=25),
        )
        return run(request, registry=registry, model=colour_model, images=[image]).explanation

    return explained
