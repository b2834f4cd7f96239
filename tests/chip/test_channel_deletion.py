"""Channels closed in an order, against a slow second writing on the network itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from channel_deletion import deletion_areas, single_drops, slopes

from interp.model import ModelAdapter
from interp.target import Target

BEE = Target(1, "bee")


def probability(network: Any, image: torch.Tensor, off: list[int]) -> float:
    """The class's score with these channels at zero, layer by layer."""
    with torch.no_grad():
        maps = network.act(network.features((image[None] - 0.5) / 0.5))
        maps[:, off] = 0
        return float(network.head(maps.mean((2, 3)))[0, BEE.index])


@pytest.mark.parametrize("seed", range(3))
def test_areas_drops_and_slopes(planted: ModelAdapter, seed: int) -> None:
    network: Any = planted.module()
    image = torch.rand(3, 24, 24, generator=torch.Generator().manual_seed(seed))
    cut = planted.cut("act")
    frontier, channels = cut.prefix(image[None]), cut.layer.channels
    given = np.random.default_rng(seed).integers(0, 5, channels).astype(float)  # with ties
    order = sorted(range(channels), key=lambda k: -given[k])
    path = [probability(network, image, order[:count]) for count in range(channels + 1)]
    found = deletion_areas(planted, cut, frontier, BEE, {"given": given})
    assert found["given"] == pytest.approx(np.mean(path), rel=1e-5)

    whole = probability(network, image, [])
    drops = [whole - probability(network, image, [k]) for k in range(channels)]
    np.testing.assert_allclose(single_drops(planted, cut, frontier, BEE), drops, atol=1e-5)
    cells = frontier.activation[0, 0].numel()
    expected = network.head.weight[BEE.index].detach().numpy() / cells
    np.testing.assert_allclose(slopes(cut, frontier, BEE), expected, rtol=1e-4, atol=1e-7)
