"""A transformer in which each class depends on one corner, by one head."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from interp_torch.adapter import TorchAdapter

SIZE, PATCH, SIDE = 32, 8, 4
BRIGHT, ASKS, CORNER, FOUND = 0, 1, 2, 4
"""Channels: brightness, the class token's mark, the corners' marks (2), the heads' findings (2)."""
PLACES = ((0, 0), (SIDE - 1, SIDE - 1))


class Corners(nn.Module):
    """The class token asks for a corner by each of two heads, and class k is what head k found.

    Head k's attention goes from the class token to corner k, whose value is its brightness plus
    one; the other tokens attend to all alike and write nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, PATCH, PATCH, bias=False)
        self.stem.weight.data.zero_()
        self.stem.weight.data[BRIGHT] = 1 / (3 * PATCH**2)
        marks = torch.zeros(1, 1 + SIDE**2, 6)
        marks[0, 0, ASKS] = 1
        for head, (row, column) in enumerate(PLACES):
            marks[0, 1 + row * SIDE + column, CORNER + head] = 1
        self.marks = nn.Parameter(marks)
        self.blocks = nn.Sequential(CornerBlock(), CornerBlock())

    def forward(self, image: Tensor) -> Tensor:
        cells = self.stem(image).flatten(2).mT
        tokens = torch.cat([cells.new_zeros(len(image), 1, 6), cells], 1) + self.marks
        return self.blocks(tokens)[:, 0, FOUND:]


class CornerBlock(nn.Module):
    """Two heads of one channel each."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(6, 2, bias=False) for _ in range(3))
        for head in range(2):
            for each, channel, amount in (
                (self.query, ASKS, 4.0), (self.key, CORNER + head, 2.0), (self.value, BRIGHT, 1.0)
            ):  # fmt: skip
                each.weight.data[head] = amount * torch.eye(6)[channel]
            self.value.weight.data[head, CORNER + head] = 1.0

    def forward(self, tokens: Tensor) -> Tensor:
        q, k, v = (each(tokens).mT[..., None] for each in (self.query, self.key, self.value))
        found = nn.functional.scaled_dot_product_attention(q, k, v)[..., 0].mT
        asks = tokens[..., ASKS : ASKS + 1]
        return tokens + nn.functional.pad(found * asks, (FOUND, 0))


@pytest.fixture
def corners(open_module: Callable) -> TorchAdapter:
    """Corners, which sees RGB in [0, 1] as it is."""
    return open_module(Corners(), SIZE)


def grey() -> np.ndarray:
    return np.full((SIZE, SIZE, 3), 100, np.uint8)


def quarters(found: np.ndarray) -> tuple[float, float]:
    """The largest values near the two corners."""
    return float(found[:PATCH, :PATCH].max()), float(found[-PATCH:, -PATCH:].max())


@pytest.mark.parametrize("method", ["gradient-rollout", "transformer-attribution", "legrad"])
def test_a_class_lights_its_own_corner(
    corners: TorchAdapter, explain: Callable, method: str
) -> None:
    for target in (0, 1):
        found = explain(method, corners, grey(), str(target)).map()
        own, other = quarters(found)[target], quarters(found)[1 - target]
        assert found.max() == own > 2 * other
        assert own > 2 * np.median(found)


def test_rollout_lights_both_corners_for_both_classes(
    corners: TorchAdapter, explain: Callable
) -> None:
    found = explain("attention-rollout", corners, grey(), "0", "1")
    first, second = (found.map(name) for name in corners.spec.classes)
    np.testing.assert_array_equal(first, second)
    assert min(quarters(first)) > 5 * np.median(first)
    assert quarters(first)[0] == pytest.approx(quarters(first)[1], rel=1e-4)
    assert any("same for every class" in note for note in found.notes)


def test_a_class_against_the_other_lights_its_corner_alone(
    corners: TorchAdapter, explain: Callable
) -> None:
    found = explain("transformer-attribution", corners, grey(), "1, not 0").map()
    first, second = quarters(found)
    assert second == found.max() and first < 0.2 * second


def test_heads_are_shown_by_what_they_attend_to(corners: TorchAdapter, explain: Callable) -> None:
    found = explain("attention-rollout", corners, grey(), "0", views="heads")
    (gallery,) = found.of("gallery")
    assert gallery.name == "heads of blocks.1" and gallery.captions == ["head 0", "head 1"]
    first, second = gallery.pictures.astype(float)
    rows = first.shape[0] // 4
    apart = np.abs(first - second).mean(2)  # only the two corners differ
    assert min(quarters_of(apart, rows)) > 20 > apart[rows:-rows, rows:-rows].max()


def quarters_of(values: np.ndarray, side: int) -> tuple[float, float]:
    half = side // 2
    return float(values[:half, :half].mean()), float(values[-half:, -half:].mean())


def test_layers_are_shown_one_by_one(corners: TorchAdapter, explain: Callable) -> None:
    found = explain("transformer-attribution", corners, grey(), "0", "1", views="layers")
    galleries = found.of("gallery")
    assert [each.captions for each in galleries] == [["blocks.0", "blocks.1"]] * 2
    assert [each.target for each in galleries] == list(corners.spec.classes)
