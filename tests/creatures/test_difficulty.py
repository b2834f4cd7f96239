"""Creatures are hard enough, and the shipped networks see what tells their classes apart."""

from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from creatures.difficulty import centre_localization, pair_rate, probe, visibility
from creatures.publish import TEST_COUNT, TEST_SEED, predict
from creatures.train import NETWORKS, WithPartMap

from interp_creatures import networks
from interp_creatures.dataset import Creatures
from interp_creatures.species import CLASSES
from interp_standard.localize import iou

WEIGHTS = Path(networks.__file__).parent / "weights"
PROMISED = {"creatures-vgg": 0.95, "creatures-resnet": 0.97, "creatures-vit": 0.95}
"""Least test accuracy."""


@pytest.fixture(scope="module", params=PROMISED)
def shipped(request):
    """A shipped network as a function of uint8 images, and the accuracy it promises."""
    from safetensors.torch import load_file

    network = NETWORKS[request.param].builder().eval()
    network.load_state_dict(load_file(WEIGHTS / f"{request.param}.safetensors"))
    return partial(predict, network), PROMISED[request.param]


@pytest.fixture(scope="module")
def single():
    return list(Creatures(400, 31, two=False))


def test_no_two_classes_share_a_definition():
    assert len(set(CLASSES.values())) == len(CLASSES) == 10


@pytest.mark.parametrize("place", [0, 1])
def test_no_part_alone_decides_a_class(place):
    shared = Counter(pair[place] for pair in CLASSES.values())
    assert min(shared.values()) >= 2


def test_object_covers_10_to_40_percent(single):
    for example in [*single, *Creatures(60, 31, two=True)]:
        for instance in example.instances:
            left, top, right, bottom = instance.box
            assert instance.mask.mean() >= 0.10
            assert (right - left) * (bottom - top) <= 0.40 * instance.mask.size


def test_centred_gaussian_localizes_badly(single):
    assert centre_localization(single) < 0.25


def test_centred_gaussian_finds_a_centred_box(single):
    """The check can fail: were the objects in the middle, it would find them all."""
    instance = replace(single[0].instances[0], box=(20.0, 20.0, 92.0, 92.0))
    assert centre_localization([replace(single[0], instances=(instance,))]) == 1.0
    assert iou([(0, 0, 2, 2)], [(1, 0, 3, 2)])[0, 0] == pytest.approx(1 / 3)


def test_linear_probe_fails():
    examples = list(Creatures(2600, 41, two=False))
    assert probe(examples[:2000], examples[2000:]) < 0.30


def test_linear_probe_would_see_a_painted_class(single):
    """The check can fail: a ground whose colour tells the class trips it, even on few images."""
    marked = []
    paints = np.random.default_rng(0).integers(0, 256, (len(CLASSES), 3))
    for example in single:
        image = np.where(example.instances[0].mask[..., None], example.image, paints[example.label])
        marked.append(replace(example, image=image.astype(np.uint8)))
    assert probe(marked[:300], marked[300:]) > 0.40


def test_network_is_accurate(shipped):
    classify, promised = shipped
    examples = list(Creatures(TEST_COUNT, TEST_SEED, two=False))
    found = classify(np.stack([example.image for example in examples])).argmax(axis=1)
    assert np.mean(found == [example.label for example in examples]) >= promised


def test_network_uses_the_defining_parts_alone(shipped):
    classify, _ = shipped
    seen = visibility(classify, Creatures(200, TEST_SEED + 1, two=False))
    assert seen.painted_over < 0.20
    assert seen.defining_only > 0.80


def test_network_sees_both_of_two(shipped):
    classify, _ = shipped
    assert pair_rate(classify, Creatures(150, TEST_SEED, two=True)) > 0.6


@pytest.mark.parametrize("name", PROMISED)
def test_weights_are_small(name):
    assert (WEIGHTS / f"{name}.safetensors").stat().st_size <= 2_000_000


@pytest.mark.parametrize("name", PROMISED)
def test_deepest_grid_and_traceability(name):
    import torch

    shipped = NETWORKS[name]
    assert min(WithPartMap(shipped.builder(), shipped.layer).deep.shape[2:]) >= 14
    network = shipped.builder().eval()
    image = torch.zeros(2, 3, networks.SIZE, networks.SIZE)
    expected = network(image)
    assert torch.equal(torch.fx.symbolic_trace(network)(image), expected)
    exported = torch.export.export(network, (image,)).module()
    assert torch.allclose(exported(image), expected, atol=1e-6)
