"""What is claimed of CHIP, on images whose truth is known: channels and places of a class."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interp.context import Context
from interp.evaluation.bootstrap import compare
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp.target import Target
from interp_chip.knowledge import ChipKnowledge
from interp_chip.method import Chip
from interp_chip.params import ChipParams
from interp_chip.view import ChipView
from interp_creatures.dataset import Creatures
from interp_creatures.species import DEFINING
from interp_standard.localize import energy

pytestmark = pytest.mark.slow
LAYERS = {"creatures-vgg": "stage3", "creatures-resnet": "stage2"}


@pytest.fixture(scope="module", params=list(LAYERS))
def learned(request: pytest.FixtureRequest) -> tuple[ModelAdapter, ChipKnowledge, ChipParams]:
    """Each network with what is learned of one layer, from 20 images per class."""
    params = ChipParams(layer=(LAYERS[request.param],), masks=400)
    model = open_model(request.param, ModelOptions(device="cpu"), Registry.load())
    knowledge = Chip(params).fit(model, Creatures(300, 91, two=False), Context())
    return model, ChipKnowledge.read(knowledge), params


def slopes(model: ModelAdapter, layer: str, image: np.ndarray, target: Target) -> np.ndarray:
    """Grad-CAM's weights, (K,)."""
    cut = model.cut(layer)
    frontier = cut.prefix(model.prepare(image)[0][None])
    shape = frontier.activation.shape
    ones = torch.eye(shape[1])[:, :, None, None].expand(-1, -1, *shape[2:])
    return cut.derivative(frontier, ones, [target], "logit")[:, 0].numpy()


def test_channels_matter_in_the_order_of_w(
    learned: tuple[ModelAdapter, ChipKnowledge, ChipParams],
) -> None:
    """Closed in the order of w, the class score falls faster than by chance or by |slope|."""
    model, known, params = learned
    layer = params.layer[0]
    cut, random = model.cut(layer), np.random.default_rng(0)
    areas: dict[str, list[float]] = {"chip": [], "slope": [], "random": []}
    for example in Creatures(40, 92, two=False):
        target = Target(example.instances[0].label, "it")
        gates = cut.gates(cut.prefix(model.prepare(example.image)[0][None]))
        orders = {
            "chip": np.argsort(-known.row(layer, target)[0], kind="stable"),
            "slope": np.argsort(-np.abs(slopes(model, layer, example.image, target))),
            "random": random.permutation(cut.layer.channels),
        }
        for name, order in orders.items():
            rank = np.argsort(order)
            states = (rank[None, :] >= np.arange(len(order) + 1)[:, None]).astype(np.uint8)
            scores = model.probabilities(gates(torch.from_numpy(states)))
            areas[name].append(float(target.select(scores).mean()))
    for other in ("random", "slope"):
        less = compare(np.array(areas["chip"]), np.array(areas[other]), random)
        assert less.high is not None and less.high < 0


def test_energy_lies_in_the_parts_that_make_the_class(
    learned: tuple[ModelAdapter, ChipKnowledge, ChipParams],
) -> None:
    """More of it than of Grad-CAM's at the same layer."""
    model, known, params = learned
    layer = model.layer(params.layer[0])
    found: dict[str, list[float]] = {"chip": [], "gradcam": []}
    for example in Creatures(60, 93, two=False):
        (instance,) = example.instances
        target = Target(instance.label, "it")
        view = ChipView(model, example.image, 0, known, params)
        pixels, placement = model.prepare(example.image)
        activation = model.activations(pixels[None], [layer.name])[layer.name][0].numpy()
        cells = np.tensordot(slopes(model, layer.name, example.image, target), activation, 1)
        maps = {
            "chip": view.map(layer.name, target),
            "gradcam": placement.to_image(placement.grid_to_input(cells, layer.field)),
        }
        parts = np.any([p.mask for p in instance.parts if p.name in DEFINING], axis=0)
        for name, values in maps.items():
            found[name].append(energy(values, parts))
    more = compare(np.array(found["chip"]), np.array(found["gradcam"]), np.random.default_rng(0))
    assert more.low is not None and more.low > 0


def test_of_two_creatures_the_right_one(
    learned: tuple[ModelAdapter, ChipKnowledge, ChipParams],
) -> None:
    model, known, params = learned
    right = []
    for example in Creatures(50, 94, two=True):
        view = ChipView(model, example.image, 0, known, params)
        for instance in example.instances:
            positive = view.map(params.layer[0], Target(instance.label, "it")).clip(0)
            others = [each for each in example.instances if each is not instance]
            right.append(
                positive[instance.mask].sum() > sum(positive[each.mask].sum() for each in others)
            )
    assert np.mean(right) >= 0.85
