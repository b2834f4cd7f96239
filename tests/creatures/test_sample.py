"""The shipped samples are what the generator draws, and the networks know them."""

from pathlib import Path

import numpy as np
import pytest
from creatures.publish import SAMPLES, predict
from creatures.train import NETWORKS

from interp.storage.image import open_image
from interp_creatures import networks
from interp_creatures.dataset import Creatures

HERE = Path(networks.__file__).parent


def drawn(name):
    seed, index, two = SAMPLES[name]
    return Creatures(index + 1, seed, two)[index]


@pytest.mark.parametrize("name", SAMPLES)
def test_file_is_what_is_drawn(name):
    shipped = open_image(HERE / "samples" / f"{name}.png").astype(int)
    away = np.abs(shipped - drawn(name).image)
    assert shipped.shape == (networks.SIZE, networks.SIZE, 3)
    assert (away > 8).mean() < 0.01  # another OpenCV may round an edge otherwise


@pytest.mark.parametrize("network", NETWORKS)
def test_networks_know_the_samples(network):
    from safetensors.torch import load_file

    model = NETWORKS[network].builder().eval()
    model.load_state_dict(load_file(HERE / "weights" / f"{network}.safetensors"))
    one, two = (drawn(name) for name in ("sample", "two"))
    scores = predict(model, np.stack([one.image, two.image]))
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert chances[0, one.label] > 0.9
    assert {*chances[1].argsort()[-2:]} == {instance.label for instance in two.instances}
