"""What the listing says of each layer."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from interp.errors import InputError


class Tokens(nn.Module):
    """Patches with a class token in front, as in a vision transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, stride=4)
        self.token = nn.Parameter(torch.zeros(1, 1, 8))
        self.norm = nn.LayerNorm(8)
        self.bare = nn.LayerNorm(8)
        self.head = nn.Linear(8, 5)

    def forward(self, image: Tensor) -> Tensor:
        patches = self.bare(self.patch(image).flatten(2).transpose(1, 2))
        tokens = torch.cat([self.token.expand(len(image), -1, -1), patches], 1)
        return self.head(self.norm(tokens)[:, 0])


def test_tokens_are_a_square_after_the_class_token(open_on_cpu) -> None:
    layers = {layer.name: layer for layer in open_on_cpu(Tokens()).layers()}
    assert list(layers) == ["patch", "bare", "norm", "head"]
    assert [layer.layout for layer in layers.values()] == ["NCHW", "tokens", "tokens", "vector"]
    assert [layer.grid for layer in layers.values()] == [(4, 4), (4, 4), (4, 4), None]
    assert [layer.channels for layer in layers.values()] == [8, 8, 8, 5]
    assert layers["head"].kind == "Linear"


def test_cost_counts_multiply_adds(open_on_cpu) -> None:
    stem, mix = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 1)
    model = nn.Sequential(stem, nn.ReLU(), mix, nn.Flatten(), nn.Linear(1024, 7))
    work = [3 * 4 * 9 * 256, 0, 4 * 4 * 256, 0, 1024 * 7]
    shares = [layer.cost_after for layer in open_on_cpu(model).layers()]
    expected = [1 - sum(work[: index + 1]) / sum(work) for index in range(5)]
    assert shares == pytest.approx(expected, abs=1e-6)


def test_maps_with_channels_at_the_end_say_so(open_on_cpu) -> None:
    class AtTheEnd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 8, 4, stride=4)
            self.norm = nn.LayerNorm(8)

        def forward(self, image: Tensor) -> Tensor:
            return self.norm(self.stem(image).permute(0, 2, 3, 1)).mean((1, 2))

    model = open_on_cpu(AtTheEnd())
    found = [(layer.name, layer.layout, layer.grid) for layer in model.layers()]
    assert found == [("stem", "NCHW", (4, 4)), ("norm", "NHWC", (4, 4))]
    image = torch.rand(1, 3, 16, 16)
    assert model.activations(image, ["norm"])["norm"].shape == (1, 8, 4, 4)


def test_unknown_layer_offers_the_nearest(open_on_cpu) -> None:
    model = open_on_cpu(Tokens())
    for ask in (model.cut, lambda name: model.activations(torch.rand(1, 3, 16, 16), [name])):
        with pytest.raises(InputError, match="no layer 'patsh'; did you mean 'patch'"):
            ask("patsh")
