"""CHIP on photographs of animals with a network that is not in the repository."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from interp.context import Context
from interp.dataset import Dataset, Example, Instance
from interp.evaluation.bootstrap import compare
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp.storage.image import open_image
from interp.target import Target
from interp_chip.knowledge import ChipKnowledge
from interp_chip.method import Chip
from interp_chip.params import ChipParams
from interp_chip.view import ChipView
from interp_standard.localize.region import energy, inside

DATA = Path(__file__).parents[3] / "shared" / "data"
FILE = DATA / "imagenet" / "mobilenet_v2.onnx"
LAYER = "blocks.12"

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.slow,
    pytest.mark.skipif(not FILE.exists(), reason="needs ../shared/data"),
]


class Animals(Dataset):
    """Some images of each animal that is an ImageNet class; `skip` of each are left out first."""

    def __init__(self, skip: int, count: int) -> None:
        listed = json.loads((DATA / "animal_parts" / "annotations.json").read_text())
        grouped: dict[int, list[dict]] = {}
        for each in listed:
            if each["imagenet1k_index"] is not None:
                grouped.setdefault(each["imagenet1k_index"], []).append(each)
        self.entries = [e for group in grouped.values() for e in group[skip : skip + count]]
        self.labels = sorted(grouped)

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(map(str, self.labels))

    @property
    def fingerprint(self) -> str:
        return f"animals {len(self)}"

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Example:
        entry = self.entries[index]
        label = self.labels.index(entry["imagenet1k_index"])
        left, top, right, bottom = map(float, entry["object_box_xyxy"])
        image = open_image(DATA / "animal_parts" / "images" / entry["file"])
        box = Instance(label, (left, top, right, bottom), None)
        return Example(entry["file"], image, label, (box,))


def test_more_energy_on_the_animal_than_gradcam() -> None:
    halves = {"mean": (0.5,) * 3, "std": (0.5,) * 3}
    model = open_model(str(FILE), ModelOptions(device="cpu", input=halves), Registry.load())
    params = ChipParams(layer=(LAYER,), masks=256, images=8)
    known = ChipKnowledge.read(Chip(params).fit(model, Animals(0, 12), Context()))
    cut = model.cut(LAYER)
    found: dict[str, list[float]] = {"chip": [], "gradcam": []}
    scored = Animals(20, 6)
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
