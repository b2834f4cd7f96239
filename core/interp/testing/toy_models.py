"""Networks whose explanation is known by hand: their classes count a scene's squares by colour."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp.dataset import Dataset, Example
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp.testing.scene import CELL, COLOURS, SIDE, SIZE, scene

if TYPE_CHECKING:
    from torch import Tensor, nn

    Layers = list[tuple[str, nn.Module]]

CHANNELS = ("light", "red", "dark", "green", "blue", "white")
"""What each channel responds to. No class uses light, the strongest, or dark.

From the second layer on, a colour's channel also responds to white, which the classes subtract
again: white matters to channels and to no class.
"""
WEIGHTS = {
    "red": {"red": 4.0},
    "green": {"green": 4.0},
    "both": {"red": 2.4, "green": 2.4},
    "sum": {"red": 2.7, "green": 1.8, "blue": 0.9},
}
"""A class's score is the sum over colours of weight times amount, less 2; a square's amount is 1.

The scores lie where probabilities are nearly proportional to them.
"""
CLASSES = tuple(WEIGHTS)
AMOUNT = ((220 - 40 - 40) / 255 - 0.25) * SIDE**2 / SIZE**2
"""A colour channel's mean over the map for one square."""


@dataclass(frozen=True, eq=False)
class Scenes(Dataset):
    """Scenes for methods that learn: every choice of squares in turn, labelled by the model."""

    model: ModelAdapter
    count: int = 32

    @property
    def classes(self) -> tuple[str, ...]:
        return CLASSES

    @property
    def fingerprint(self) -> str:
        return f"known scenes {self.count}"

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        shown = [colour for bit, colour in enumerate(COLOURS) if not index >> bit & 1]
        image = scene(1000 + index, shown).image
        pixels = self.model.prepare(image)[0]
        return Example(f"scene {index}", image, int(self.model.predict(pixels[None]).argmax()))


def known_model(registry: Registry) -> ModelAdapter:
    """The network whose scores are the weighted sums of the colours' amounts (WEIGHTS)."""
    return opened("known", lambda: [*features(), *_counting()], registry)


def chance_model(registry: Registry) -> ModelAdapter:
    """The same layers with scores that change at random with whatever is switched off."""
    return opened("chance", lambda: [*features(), *_chance()], registry)


def opened(name: str, layers: Callable[[], Layers], registry: Registry) -> ModelAdapter:
    """The layers one after another, as a model of scenes and their classes."""
    import torch
    from torch import nn

    options = ModelOptions(
        input={"size": (SIZE, SIZE), "mean": (0.5,) * 3, "std": (0.5,) * 3},
        activation="sigmoid",
        device="cpu",  # the same scores on every machine
    )
    with torch.random.fork_rng():  # layers draw weights, which are then replaced
        network = nn.Sequential(OrderedDict(layers())).eval()
    model = open_model(network, options, registry)
    model.spec = model.spec.model_copy(update={"name": name, "classes": CLASSES})
    return model


def features() -> Layers:
    """Layers that give each colour's amount, averaged twice to a quarter of the size."""
    import torch
    from torch import nn

    count = len(CHANNELS)
    colour = nn.Conv2d(3, count, 1)
    seen = {"light": (1 / 3,) * 3, "dark": (-1 / 3,) * 3, "white": (1 / 3,) * 3}
    seen |= {"red": (1, -1, -1), "green": (-1, 1, -1), "blue": (-1, -1, 1)}
    least = {"light": 0.0, "dark": 0.6, "white": -0.7}
    weights = torch.tensor([seen[each] for each in CHANNELS])  # of RGB in [0, 1]
    bias = torch.tensor([least.get(each, -0.25) for each in CHANNELS])
    colour.weight.data = weights[..., None, None] / 2  # the input is 2 RGB - 1
    colour.bias = nn.Parameter(bias + weights.sum(1) / 2)
    layers: Layers = [("colour", colour), ("colour_act", nn.ReLU())]
    mixed = torch.eye(count)
    mixed[[CHANNELS.index(each) for each in WEIGHTS["sum"]], CHANNELS.index("white")] = 1
    for name, mix in (("narrow", mixed), ("deep", torch.eye(count))):
        conv = nn.Conv2d(count, count, 4, stride=2, padding=1, bias=False)
        conv.weight.data = mix[..., None, None].expand(-1, -1, 4, 4) / 16
        layers += [(name, conv), (f"{name}_act", nn.ReLU())]
    return layers


def class_weights() -> tuple[Tensor, Tensor]:
    """Weights (K, C) of the channels' means, and biases (K,), that give the classes' scores."""
    import torch

    weights = [each | {"white": -sum(each.values())} for each in WEIGHTS.values()]
    rows = [[each.get(channel, 0.0) for channel in CHANNELS] for each in weights]
    return torch.tensor(rows) / AMOUNT, torch.full((len(rows),), -2.0)


def _counting() -> Layers:
    from torch import nn

    head = nn.Linear(len(CHANNELS), len(CLASSES))
    head.weight.data, head.bias.data = class_weights()
    return [("pool", nn.AdaptiveAvgPool2d(1)), ("flat", nn.Flatten()), ("head", head)]


def _chance() -> Layers:
    """Scores 3 sin(w . A) with w so large that any change of A gives another score at random."""
    import torch
    from torch import nn

    class Sine(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 3 * torch.sin(x)

    head = nn.Linear(len(CHANNELS) * (SIZE // CELL) ** 2, len(CLASSES), bias=False)
    random = np.random.default_rng(0)
    head.weight.data = torch.tensor(random.normal(0, 200, head.weight.shape), dtype=torch.float32)
    return [("flat", nn.Flatten()), ("head", head), ("sine", Sine())]
