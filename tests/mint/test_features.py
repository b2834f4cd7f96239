"""Pooled features and the two representations against their definitions, pixel by pixel."""

import numpy as np
import pytest

from interp_mint.features import Features
from interp_mint.partition import Partition

COARSE = np.repeat(np.repeat([[0, 1], [2, 1]], 6, 0), 8, 1)  # (12, 16)


def fine(seed: int) -> np.ndarray:
    stripes = np.arange(12)[:, None] // 3 * 4 + np.arange(16)[None] // 4
    pairs = COARSE * 100 + stripes
    return np.unique(pairs, return_inverse=True)[1].reshape(pairs.shape)


@pytest.mark.parametrize("seed", range(3))
def test_pooled_features_are_means_of_the_channel_sum(seed: int) -> None:
    random = np.random.default_rng(seed)
    deep, shallow = random.random((2, 12, 16))
    partition = Partition(COARSE, fine(seed))
    found = Features.pool(partition, deep, shallow, norm=False)
    for i in range(3):
        pixels = [deep[m, n] for m in range(12) for n in range(16) if COARSE[m, n] == i]
        assert found.coarse[i] == pytest.approx(sum(pixels) / len(pixels))
    for j in range(partition.fine.max() + 1):
        pixels = shallow[partition.fine == j]
        assert found.fine[j] == pytest.approx(pixels.sum() / pixels.size)
    normed = Features.pool(partition, 50 * deep, shallow, norm=True)
    np.testing.assert_allclose(normed.coarse, found.coarse / deep.mean())


@pytest.mark.parametrize("seed", range(3))
def test_representations_are_the_papers(seed: int) -> None:
    random = np.random.default_rng(seed)
    partition = Partition(COARSE, fine(seed))
    q = partition.fine.max() + 1
    features = Features(partition, random.random(3), random.random(q))
    states = random.integers(0, 2, (20, q))
    raw = np.hstack([np.ones((20, 1)), states])
    z_c, z_f = raw @ features.coarse_map(), raw @ features.fine_map()
    for k in range(20):
        np.testing.assert_allclose(z_f[k], states[k] * features.fine)
        for i in range(3):
            inside = [j for j in range(q) if COARSE[partition.fine == j][0] == i]
            present = sum(states[k, j] for j in inside) / len(inside)
            assert z_c[k, i] == pytest.approx(present * features.coarse[i])


def test_a_layer_of_zeros_gives_zeros() -> None:
    nothing = np.zeros((12, 16))
    found = Features.pool(Partition(COARSE, fine(0)), nothing, nothing, norm=True)
    assert not found.coarse.any() and not found.fine.any()
