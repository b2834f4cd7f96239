"""The readout `boxes`: targets found in an image, their scores and places, and D-RISE's maps."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.detector import CELL, NAMES, PLACES, SIDE, Colours, picture, to_onnx
from torch import nn

from interp.context import Budget, Context
from interp.engine.respond import respond
from interp.errors import InputError, ModelError, UnsupportedError
from interp.opening.description import choose_readout
from interp.opening.named import open_method
from interp.opening.source import open_model
from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp.spec import Capability, ModelOptions
from interp.storage.image import open_image
from interp.storage.model_card import ModelCard
from interp_creatures.shipped import TWO

REGISTRY = Registry.load()
PLAIN = {"size": (SIDE, SIDE), "mean": (0.0,) * 3, "std": (1.0,) * 3}
LAYOUTS = ("yolov5", "yolov8", "ssd", "detr", "torchvision")
OUTPUTS = {"ssd": ("corners", "scores"), "detr": ("logits", "pred_boxes")}
SURE = 1 / (1 + math.exp(-4))
"""The probability of a colour whose square fills a cell."""


def options(readout: str | None = "boxes", **params: Any) -> ModelOptions:
    given = params.pop("input", PLAIN)
    return ModelOptions(
        input=given, classes=NAMES, device="cpu", readout=readout, readout_params=params
    )


def opened(answered: str = "yolov5", **params: Any) -> Any:
    return open_model(Colours(answered), options(**params), REGISTRY)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_boxes_of_an_image_are_its_targets(layout: str) -> None:
    image = picture(3)
    model = opened(layout)
    focused = model.focus(image)
    confidence = SURE**2 if layout == "yolov5" else SURE
    assert focused.spec.classes == (
        f"red {confidence:.2f} at 24,24..48,48",
        f"blue {confidence:.2f} at 72,48..96,72",
    )
    assert focused.spec.unit == "similarity"
    assert [each.box for each in focused.output.regions] == [(24, 24, 48, 48), (72, 48, 96, 72)]
    pixels = focused.prepare(image)[0][None]
    scores = focused.probabilities(focused.predict(pixels))
    torch.testing.assert_close(scores, torch.full((1, 2), SURE), atol=1e-5, rtol=0)
    hidden = pixels.clone()
    hidden[:, 2] = 0  # no blue any more
    found = focused.probabilities(focused.predict(torch.cat([pixels, hidden])))
    torch.testing.assert_close(found[1, 0], found[0, 0])
    assert found[1, 1] < 0.1
    assert any(f"boxes are read as {layout}" in each for each in model.spec.notes)


@pytest.mark.parametrize("layout", ["yolov5", "yolov8", "ssd", "detr"])
def test_an_onnx_file_is_read_alike(layout: str, tmp_path: Path) -> None:
    names = OUTPUTS.get(layout, ("boxes",))
    file = to_onnx(Colours(layout), tmp_path / "net.onnx", names)
    model = open_model(file, options(), REGISTRY)
    expected, found = opened(layout).focus(picture(2)), model.focus(picture(2))
    assert found.spec.classes == expected.spec.classes
    images = torch.rand(5, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(found.predict(images), expected.predict(images))


class Final(Colours):
    """As torchvision's detectors are exported: final boxes of one image, without a batch axis."""

    def forward(self, images: torch.Tensor) -> Any:
        boxes, classes = super().forward(images)  # type: ignore[misc]
        scores, labels = classes[0].max(1)
        kept = scores > 0.1
        return boxes[0][kept], labels[kept], scores[kept]


def test_an_onnx_file_of_one_images_final_boxes(tmp_path: Path) -> None:
    names = ("boxes", "labels", "scores")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Final("ssd").eval(),
            (torch.from_numpy(picture()).permute(2, 0, 1)[None] / 255,),
            str(tmp_path / "net.onnx"),
            dynamo=False,
            input_names=["image"],
            output_names=list(names),
            dynamic_axes={name: {0: "n"} for name in names},
        )
    model = open_model(str(tmp_path / "net.onnx"), options(), REGISTRY)
    focused = model.focus(picture())
    assert focused.spec.classes == opened("torchvision").focus(picture()).spec.classes
    pixels = focused.prepare(picture())[0][None]
    found = focused.predict(torch.cat([pixels, 0 * pixels, pixels]))  # none, and two boxes
    torch.testing.assert_close(found, SURE * torch.tensor([[1.0, 1], [0, 0], [1, 1]]))


def test_a_file_that_answers_other_images_boxes_is_refused() -> None:
    class Twice(Colours):
        def forward(self, images: torch.Tensor) -> Any:
            rows = super().forward(images)
            return torch.cat([rows, rows])  # type: ignore[list-item]

    with pytest.raises(ModelError, match="answers boxes of 4 images to 2"):
        open_model(Twice(), options(), REGISTRY)


def test_without_an_image_a_class_has_its_most_confident_box() -> None:
    model = opened()
    assert model.spec.classes == NAMES
    assert model.spec.unit == "probability"
    pixels = model.prepare(picture())[0][None]
    pixels = torch.cat([pixels, torch.zeros_like(pixels)])
    found = model.probabilities(model.predict(pixels))
    low = 1 / (1 + math.exp(4))
    expected = torch.tensor([[SURE**2] * 2, [low**2] * 2])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_places_are_those_in_the_original_image() -> None:
    """A tall image in a square input: the boxes are moved back by the padding, and cut off."""
    image = np.zeros((64, 32, 3), np.uint8)
    image[16:32, 0:16, 0] = 255  # in the input rows 8 to 16, columns 8 to 16
    model = opened(input={**PLAIN, "resize": "letterbox"})
    (region,) = model.focus(image).output.regions
    assert region.box == (0, 16, 16, 32)


def test_parameters_choose_among_the_boxes() -> None:
    image = picture()
    assert len(opened(limit=1).focus(image).spec.classes) == 1
    assert len(opened(threshold=0).focus(image).spec.classes) == 16
    with pytest.raises(InputError, match=r"confidence of 0.99 .* red at 0.964; .*=0.955"):
        opened(threshold=0.99).focus(image)
    with pytest.raises(InputError, match=r"found no box of a confidence of 0.5 .* the best is"):
        opened().focus(np.zeros_like(image))
    stated = opened("yolov8", layout="yolov8", units="pixels", boxes="centre")
    assert stated.focus(image).spec.classes == opened("yolov8").focus(image).spec.classes
    assert not any("layout=NAME if not" in each for each in stated.spec.notes)


def test_no_box_at_all() -> None:
    class Nothing(nn.Module):
        def forward(self, images: torch.Tensor) -> list[dict[str, torch.Tensor]]:
            empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0).long()}
            return [{**empty, "scores": torch.zeros(0)} for _ in images]

    model = open_model(Nothing(), options(), REGISTRY)
    assert not model.predict(torch.rand(2, 3, SIDE, SIDE)).any()
    with pytest.raises(InputError, match="found no box at all"):
        model.focus(picture())


def test_background_is_recognised_by_the_names() -> None:
    class Background(Colours):
        def forward(self, images: torch.Tensor) -> Any:
            corners, classes = super().forward(images)  # type: ignore[misc]
            whole = torch.cat([1 - classes.amax(2, keepdim=True), classes], 2)
            return corners, whole

    model = open_model(Background("ssd"), options(), REGISTRY)
    assert any("of which the first stands for nothing" in each for each in model.spec.notes)
    assert model.focus(picture()).spec.classes == opened("ssd").focus(picture()).spec.classes


DECODE = """
import torch

def decode(answer):
    boxes, classes = answer
    return [(box.numpy(), scores.numpy(), None) for box, scores in zip(boxes, classes)]

def wrong(answer):
    return [(box[:, :3], scores) for box, scores in zip(*answer)]
"""


def test_a_decode_function_that_only_a_card_names_is_not_run() -> None:
    card = ModelCard(readout="boxes", readout_params={"decode": "os:system"})
    with pytest.raises(ModelError, match="card names decode os:system, which is code"):
        choose_readout(ModelOptions(), card, ModelCard(), REGISTRY.get)
    given = ModelOptions(readout_params={"decode": "os:system"})
    assert choose_readout(given, card, ModelCard(), REGISTRY.get).name == "boxes"


def test_a_decode_function_of_ones_own(package) -> None:
    name = package(DECODE)
    model = opened("ssd", decode=f"{name}:decode")
    assert model.focus(picture()).spec.classes == opened("ssd").focus(picture()).spec.classes
    assert f"boxes are read by {name}:decode" in model.spec.notes
    for wrong, said in (
        ({"decode": f"{name}:nothing"}, "decode=.*:nothing cannot be imported"),
        ({"decode": f"{name}:wrong"}, r"failed \(found boxes \(16, 3\).*expected boxes \(B, 4\)"),
        ({"decode": f"{name}:decode", "layout": "ssd"}, "leave out one of the two"),
    ):
        with pytest.raises(ModelError, match=said):
            opened("ssd", **wrong)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_detector_without_a_readout_is_told_of_boxes(layout: str) -> None:
    with pytest.raises(ModelError, match="--readout boxes"):
        open_model(Colours(layout), options(None), REGISTRY)


@pytest.mark.parametrize("layout", ["yolov5", "ssd", "detr"])
def test_an_onnx_file_without_a_readout_is_told_of_boxes(layout: str, tmp_path: Path) -> None:
    names = OUTPUTS.get(layout, ("boxes",))
    file = to_onnx(Colours(layout), tmp_path / "net.onnx", names)
    with pytest.raises(ModelError, match="--readout boxes"):
        open_model(file, options(None), REGISTRY)


@pytest.mark.parametrize("method", ["gradcam", "chip", "mint", "integrated-gradients"])
def test_what_needs_more_than_answers_says_so(method: str) -> None:
    pytest.importorskip("captum")
    model = opened()
    assert {Capability.GRADIENTS, Capability.CUT}.isdisjoint(model.capabilities)
    assert any("black box" in each for each in model.spec.notes)
    with pytest.raises(UnsupportedError, match=r"needs .*boxes"):
        run(Request(method=method), registry=REGISTRY, model=model, images=[picture()])


def slow_similarity(row: list[float], wanted: list[float]) -> float:
    """Of a yolov5 row with another: IoU, cosine of the classes, the row's objectness."""
    sides = []
    for a, b, c, d in (
        (row[0], row[2], wanted[0], wanted[2]),
        (row[1], row[3], wanted[1], wanted[3]),
    ):
        sides.append(max(0.0, min(a + b / 2, c + d / 2) - max(a - b / 2, c - d / 2)))
    shared = sides[0] * sides[1]
    place = shared / (row[2] * row[3] + wanted[2] * wanted[3] - shared)
    first, second = row[5:], wanted[5:]
    dot = sum(x * y for x, y in zip(first, second, strict=True))
    norms = math.sqrt(sum(x * x for x in first)) * math.sqrt(sum(x * x for x in second))
    return place * dot / norms * row[4]


def test_rise_on_boxes_is_d_rise() -> None:
    """H = sum over masks of max_j s(d_t, d_j) M, by Petsiuk et al., over N times E M."""
    image, count, keep = picture(), 150, 0.5
    model = opened()
    focused = model.focus(image)
    method = open_method(REGISTRY, "rise", {"cells": 4, "keep": keep})
    part = method._part("perturbation")  # type: ignore[attr-defined]
    experiment = part.bind(focused, image, count, Context(seed=3))
    design = experiment.design
    answers = list(respond(Context(seed=3), experiment.subject, design, "prob", count))
    states = torch.cat([each.states for each in answers])[2:]  # after all and nothing shown
    request = Request(
        method="rise",
        targets=focused.spec.classes,
        params={"cells": 4, "keep": keep, "above_mean": False},
        seed=3,
        budget=Budget(samples=count),
    )
    found = run(request, registry=REGISTRY, model=model, images=[image]).explanation
    pixels = torch.from_numpy(image).permute(2, 0, 1) / 255
    module = Colours()
    rows = {
        name: module(pixels[None])[0, 4 * row + column].tolist()
        for name, (row, column) in PLACES.items()
    }
    expected = {name: np.zeros((SIDE, SIDE)) for name in rows}
    for mask in design.masks(states):
        hidden = pixels * mask + design.fill[:, None, None] * (1 - mask)
        proposals = module(hidden[None])[0].tolist()
        for name, wanted in rows.items():
            best = max(slow_similarity(each, wanted) for each in proposals)
            expected[name] += best * mask.double().numpy() / keep / len(states)
    for target in focused.spec.classes:
        wanted = expected[target.split()[0]]
        np.testing.assert_allclose(found.map(target), wanted, atol=1e-5 * wanted.max(), rtol=0)


@pytest.mark.parametrize("method", ["rise", "occlusion"])
def test_each_boxs_map_peaks_on_its_own_square(method: str) -> None:
    image = picture(2)
    focused = opened().focus(image)
    request = Request(method=method, targets=focused.spec.classes, budget=Budget(samples=3000))
    found = run(request, registry=REGISTRY, model=opened(), images=[image]).explanation
    for target in focused.spec.classes:
        row, column = PLACES[target.split()[0]]
        y, x = np.unravel_index(found.map(target).argmax(), image.shape[:2])
        assert (y // (2 * CELL), x // (2 * CELL)) == (row, column)


def test_a_box_is_named_by_its_class_where_only_one_has_it() -> None:
    request = Request(method="occlusion", targets=("blue",))
    found = run(request, registry=REGISTRY, model=opened(), images=[picture()]).explanation
    assert found.provenance.targets == ("blue 0.96 at 24,16..32,24",)


def test_the_embedded_detector_keeps_its_layout_beside_other_parameters() -> None:
    model = open_model("creatures-detector", ModelOptions(readout_params={"limit": 1}), REGISTRY)
    assert model.spec.readout_params == {"layout": "yolov5", "units": "pixels", "limit": 1}
    with pytest.raises(ModelError, match="--readout boxes"):
        open_model("creatures-detector", ModelOptions(readout="value"), REGISTRY)


@pytest.mark.slow
def test_the_embedded_detector_is_exported_with_its_readout(tmp_path: Path) -> None:
    model = open_model("creatures-detector", ModelOptions(device="cpu"), REGISTRY)
    model.export(tmp_path / "net.onnx")
    again = open_model(str(tmp_path / "net.onnx"), ModelOptions(device="cpu"), REGISTRY)
    image = open_image(TWO)
    expected, found = model.focus(image), again.focus(image)
    assert found.spec.classes == expected.spec.classes
    assert {each.split()[0] for each in found.spec.classes} == {"arbo", "fenka"}
    images = torch.rand(3, 3, 112, 112)
    torch.testing.assert_close(found.predict(images), expected.predict(images))
