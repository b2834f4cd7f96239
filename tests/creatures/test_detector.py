"""The shipped detector: what it is trained on, how it is trained, and how well it finds boxes."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from creatures.publish import TEST_SEED
from creatures.train_detector import Boxes, _batch, _owners, precision
from safetensors.torch import load_file
from torchvision.ops import box_convert

from interp_creatures import networks
from interp_creatures.dataset import Creatures, Scenes
from interp_creatures.detector import GRID, STRIDE, CreaturesDetector, cell_centres
from interp_creatures.draw import tight_box
from interp_creatures.species import CLASSES

WEIGHTS = Path(networks.__file__).parent / "weights" / "creatures-detector.safetensors"


@pytest.fixture(scope="module")
def shipped() -> CreaturesDetector:
    network = CreaturesDetector().eval()
    network.load_state_dict(load_file(WEIGHTS))
    return network


def test_scenes_have_one_to_three_creatures_apart() -> None:
    examples = list(Scenes(60, 7))
    assert [len(each.instances) for each in examples] == ([1] * 10 + [2] * 10 + [3] * 10) * 2
    kernel = np.ones((3, 3), np.uint8)
    for example in examples:
        assert example.label == example.instances[0].label
        for first, second in combinations(example.instances, 2):
            grown = cv2.dilate(first.mask.astype(np.uint8), kernel).astype(bool)
            assert not (grown & second.mask).any()
        for instance in example.instances:
            assert instance.box == tight_box(instance.mask)
            assert 0.055 < instance.mask.mean() < 0.23
    assert len({each.label for example in examples for each in example.instances}) == len(CLASSES)


def test_a_scene_depends_on_seed_and_index_alone() -> None:
    assert np.array_equal(Scenes(5, 7)[4].image, Scenes(900, 7)[4].image)
    assert not np.array_equal(Scenes(5, 7)[4].image, Scenes(5, 8)[4].image)
    assert Scenes(5, 7).fingerprint != Creatures(5, 7).fingerprint


def test_it_answers_as_yolov5_does() -> None:
    network = CreaturesDetector().eval()
    found = network(torch.rand(2, 3, networks.SIZE, networks.SIZE))
    assert found.shape == (2, GRID**2, 5 + len(CLASSES))
    torch.testing.assert_close(found[..., 5:].sum(2), torch.ones(2, GRID**2))
    assert ((found[..., 4] > 0) & (found[..., 4] < 1)).all()
    raw = torch.zeros(1, GRID**2, 15)
    boxes = box_convert(network.boxes(raw), "cxcywh", "xyxy")[
        0
    ]  # 32 x 32 pixels around each cell's middle
    row, column = 3, 5
    middle = torch.tensor([column + 0.5, row + 0.5]) * STRIDE
    expected = torch.cat([middle - 16, middle + 16])
    torch.testing.assert_close(boxes[row * GRID + column], expected)


@pytest.mark.parametrize("seed", range(8))
def test_boxes_turn_with_their_images(seed: int) -> None:
    images = np.zeros((1, networks.SIZE, networks.SIZE, 3), np.uint8)
    images[0, 20:50, 8:100] = 255
    corners = np.zeros((1, 3, 4), np.float32)
    corners[0, 0] = 8, 20, 100, 50
    data = Boxes(images, corners, np.array([[3, -1, -1]]))
    generator = torch.Generator().manual_seed(seed)
    turned, boxes, labels = _batch(data, torch.tensor([0]), generator)
    assert tight_box(turned[0, 0].numpy() > 0) == tuple(boxes[0, 0].tolist())
    assert labels.tolist() == [[3, -1, -1]]


def test_cells_near_the_middle_of_a_creature_learn_its_box() -> None:
    corners = torch.tensor([[[8.0, 8, 32, 32], [60, 60, 100, 100], [0, 0, 0, 0]]])
    labels = torch.tensor([[4, 7, -1]])
    owner, held = _owners(cell_centres(), corners, labels, reach=1.0)
    for cell, (x, y) in enumerate(cell_centres().tolist()):
        near = [max(abs(x - 20), abs(y - 20)), max(abs(x - 80), abs(y - 80))]
        assert owner[0, cell] == int(near[1] < near[0])
        assert held[0, cell] == (min(near) <= 1.5 * STRIDE)


def test_it_finds_creatures_that_it_never_saw(shipped: CreaturesDetector) -> None:
    """On images of a seed of its own, so that the card's test set stays one."""
    assert precision(shipped, Scenes(150, TEST_SEED + 1)) >= 0.8
    assert precision(shipped, Creatures(40, TEST_SEED + 1, two=True)) >= 0.8


def test_its_card_and_its_size() -> None:
    card = json.loads(WEIGHTS.with_suffix(".json").read_text())
    assert card["ap50"] >= 0.8
    assert card["test"]["seed"] == TEST_SEED
    assert WEIGHTS.stat().st_size <= 2_000_000


def test_random_weights_find_nothing() -> None:
    """The measure can fail."""
    assert precision(CreaturesDetector().eval(), Scenes(30, TEST_SEED + 1)) < 0.1
