"""CHIP on photographs of animals with a network that is not in the repository."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from photographs import MOBILENET, NORMALISED, Animals

from interp.context import Context
from interp.evaluation.bootstrap import compare
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp.target import Target
from interp_chip.knowledge import ChipKnowledge
from interp_chip.method import Chip
from interp_chip.params import ChipParams
from interp_chip.view import ChipView
from interp_standard.localize import energy, inside

LAYER = "blocks.12"

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.slow,
    pytest.mark.skipif(not MOBILENET.exists(), reason="needs ../shared/data"),
]


def animals(skip: int, count: int) -> Animals:
    """Some images of each animal that is an ImageNet class; `skip` of each are left out first."""
    return Animals(label="imagenet1k_index", chosen=range(skip, skip + count))


def test_more_energy_on_the_animal_than_gradcam() -> None:
    options = ModelOptions(device="cpu", input=NORMALISED)
    model = open_model(str(MOBILENET), options, Registry.load())
    params = ChipParams(layer=(LAYER,), masks=256, images=8)
    known = ChipKnowledge.read(Chip(params).fit(model, animals(0, 12), Context()))
    cut = model.cut(LAYER)
    found: dict[str, list[float]] = {"chip": [], "gradcam": []}
    scored = animals(20, 6)
    for example in scored:
        target = Target(scored.labels[example.label or 0], "it")
        pixels, placement = model.prepare(example.image)
        frontier = cut.prefix(pixels[None])
        maps = frontier.activation[0]
        ones = torch.eye(len(maps))[:, :, None, None].expand(-1, -1, *maps.shape[1:])
        slopes = cut.derivative(frontier, ones, [target], "logit")[:, 0]
        cells = torch.einsum("k,khw->hw", slopes, maps).numpy()
        animal = inside([example.instances[0].box], example.image.shape[:2])
        chip = ChipView(model, example.image, 0, known, params).map(LAYER, target)
        cam = placement.to_image(placement.grid_to_input(cells, cut.layer.field))
        found["chip"].append(energy(chip, animal))
        found["gradcam"].append(energy(cam, animal))
    more = compare(np.array(found["chip"]), np.array(found["gradcam"]), np.random.default_rng(0))
    assert more.low is not None and more.low > 0
