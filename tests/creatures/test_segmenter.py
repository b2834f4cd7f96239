"""The shipped segmentation network: its size, its accuracy, and what it is trained on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from creatures.train_segmenter import Recipe, measure, part_map, training_batch

import interp
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp_creatures.dataset import Creatures
from interp_creatures.segmenter import PARTS
from interp_creatures.shipped import HERE


@pytest.fixture(scope="module")
def model():
    return open_model("creatures-segmenter", ModelOptions(device="cpu"), Registry.load())


def test_it_is_small_and_finds_the_parts(model):
    card = json.loads((HERE / "weights/creatures-segmenter.json").read_text())
    assert (HERE / "weights/creatures-segmenter.safetensors").stat().st_size <= 2e6
    assert card["mean_iou"] >= 0.7
    found = measure(model.module(), 60)
    assert found["mean_iou"] == pytest.approx(card["mean_iou"], abs=0.05)
    assert found["parameters"] == card["parameters"]


def test_mean_iou_against_a_slow_second_writing(model):
    shares = {name: [0, 0] for name in PARTS}
    for example in Creatures(3, 9_000_001):
        found = model.raw(model.prepare(example.image)[0][None])[0].argmax(0).numpy()
        truth = part_map(example)
        for label, name in enumerate(PARTS):
            shares[name][0] += int(((found == label) & (truth == label)).sum())
            shares[name][1] += int(((found == label) | (truth == label)).sum())
    ious = measure(model.module(), 3)["iou"]
    for name, (both, either) in shares.items():
        assert ious[name] == pytest.approx(both / either, abs=1e-4)


def test_parts_of_an_image_are_where_they_were_drawn():
    example = Creatures(4, 5, two=True)[2]
    truth = part_map(example)
    for instance in example.instances:
        for part in instance.parts:
            assert (truth[part.mask] == PARTS.index(part.name)).all()
    nothing = ~np.any([each.mask for each in example.instances], axis=0)
    assert (truth[nothing] == 0).all()
    assert (truth[~nothing] > 0).all()


def test_a_training_batch_is_the_same_every_time():
    recipe = Recipe(batch=4)
    first, second = training_batch(recipe, 900), training_batch(recipe, 900)
    assert all((one == two).all() for one, two in zip(first, second, strict=True))
    assert first[0].shape == (4, 3, 112, 112) and first[1].shape == (4, 112, 112)


def test_it_opens_by_its_name_and_explains_a_part_where_it_is(model):
    assert (model.spec.readout, model.spec.classes) == ("pixels", PARTS)
    assert model.map_layer().name == "join1"
    found = interp.explain(model, "sample", method="gradcam", target="head")
    head = model.focus(Creatures(49, 2, two=False)[48].image).output.regions[2].mask
    row, column = np.unravel_index(found.map().argmax(), found.map().shape)
    assert head[row, column]


def test_without_a_target_the_largest_part_is_explained_not_the_background(model):
    found = interp.explain(model, "sample", method="gradcam")
    assert {each.target for each in found.evidence} == {"body"}


def test_its_export_is_read_alike(model, tmp_path: Path):
    model.export(tmp_path / "parts.onnx")
    again = open_model(str(tmp_path / "parts.onnx"), ModelOptions(), Registry.load())
    image = Creatures(1, 6)[0].image
    one, two = (
        each.predict(each.prepare(image)[0][None])
        for each in (model.focus(image), again.focus(image))
    )
    assert one.numpy() == pytest.approx(two.numpy(), abs=1e-3)
    assert again.spec.readout_params == {"activation": "softmax"}
