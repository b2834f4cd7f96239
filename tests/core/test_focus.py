"""Readouts that look at the image: targets found there, on every road, with their outlines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import Field
from torch import Tensor, nn

import interp
from interp.context import Budget
from interp.dataset import Example
from interp.errors import InputError, UnsupportedError
from interp.evaluation.evaluation_run import EvaluationRun
from interp.evidence import Outline
from interp.opening.prediction import predict_image
from interp.opening.source import open_model
from interp.params import Params
from interp.readout import OutputDescription, RawImage, RawOutput, Readout, Region
from interp.registry import Registry
from interp.request import Request
from interp.result.bundle import open_bundle
from interp.result.draw import image_of
from interp.run import run
from interp.session import Session
from interp.spec import ModelOptions
from interp.target import Target, parse_target

SIZE = 16
INPUT = {"size": (SIZE, SIZE), "mean": (0.0,) * 3, "std": (1.0,) * 3}


class SpotParams(Params):
    spots: int = Field(2, ge=1, description="how many cells to name")
    blind: bool = Field(False, description="whether gradients are kept back")


@dataclass(frozen=True)
class Spots(Readout):
    """The brightest cells of a map (N, 1, h, w): each score is that of the cell found there."""

    Params = SpotParams

    def read(self, output: RawOutput) -> OutputDescription:
        names = tuple(f"cell {index}" for index in range(output.value[0].numel()))
        return OutputDescription(
            "none",
            names,
            scores=lambda raw: raw.flatten(1),
            unit="similarity",
            black_box=self.params.blind,
            focus=lambda found: self.focus(found, output.value.shape[-1]),
        )

    def focus(self, found: RawImage, side: int) -> OutputDescription:
        best = found.value.flatten().topk(self.params.spots).indices
        step = SIZE / side
        corners = [(int(each) % side * step, int(each) // side * step) for each in best]
        height, width = found.image.shape[:2]
        across, down = width / SIZE, height / SIZE
        boxes = [(x * across, y * down, (x + step) * across, (y + step) * down) for x, y in corners]
        names = [f"spot 0.50 at {x:.0f},{y:.0f}..{u:.0f},{v:.0f}" for x, y, u, v in boxes]
        return OutputDescription(
            "none",
            tuple(names),
            scores=lambda raw: raw.flatten(1)[:, best],
            unit="similarity",
            black_box=self.params.blind,
            regions=tuple(Region(each) for each in boxes),
        )


class Cells(nn.Module):
    """The mean red of each of 4 x 4 cells, as a map (N, 1, 4, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.red = nn.Conv2d(3, 1, 1, bias=False)
        self.red.weight.data = torch.tensor([1.0, 0, 0])[None, :, None, None]
        self.pool = nn.AvgPool2d(4)

    def forward(self, images: Tensor) -> Tensor:
        return self.pool(self.red(images))


@pytest.fixture(params=["torch", "onnx"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> object:
    if request.param == "torch":
        return Cells().eval()
    path = tmp_path / "cells.onnx"
    axes = {"image": {0: "n"}, "map": {0: "n"}}
    names = {"input_names": ["image"], "output_names": ["map"]}
    torch.onnx.export(
        Cells().eval(),
        (torch.rand(2, 3, SIZE, SIZE),),
        path,
        dynamo=False,
        dynamic_axes=axes,
        **names,
    )
    return str(path)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    file = tmp_path / "spots.yaml"
    file.write_text(
        "entries:\n  - {kind: readout, name: spots, object: test_focus:Spots, summary: cells}\n"
    )
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return Registry.load([file])


@pytest.fixture
def model(source: object, registry: Registry) -> Callable[..., object]:
    def open_(**params: object):
        given = ModelOptions(input=INPUT, readout="spots", readout_params=params, device="cpu")
        return open_model(source, given, registry)

    return open_


def scene(*cells: tuple[int, int], scale: int = 2) -> np.ndarray:
    """A dark image with bright red cells (row, column), each brighter than the next."""
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    for index, (row, column) in enumerate(cells):
        image[4 * row : 4 * row + 4, 4 * column : 4 * column + 4, 0] = 250 - 60 * index
    return image.repeat(scale, 0).repeat(scale, 1)


def test_targets_are_what_is_found_on_each_image(model):
    opened = model()
    first = predict_image(opened, scene((0, 1), (2, 3)))
    assert first.classes == ("spot 0.50 at 8,0..16,8", "spot 0.50 at 24,16..32,24")
    second = predict_image(opened, scene((3, 0), (1, 1)))
    assert second.classes[0] == "spot 0.50 at 0,24..8,32"
    assert opened.spec.classes[0] == "cell 0"
    assert opened.spec.readout_params == {}


def test_a_focused_model_is_its_own_focus(model):
    image = scene((0, 1), (2, 3))
    focused = model().focus(image)
    assert not focused.focuses
    assert focused.focus(image) is focused


def test_layers_and_cuts_are_those_of_the_whole_model(model):
    opened = model()
    focused = opened.focus(scene((0, 1), (2, 3)))
    assert focused.layers() == opened.layers()
    pixels = focused.prepare(scene((0, 1), (2, 3)))[0][None]
    name = focused.layers()[0].name
    cut = focused.cut(name)
    frontier = cut.prefix(pixels)
    torch.testing.assert_close(cut.suffix(frontier, frontier.activation), focused.predict(pixels))


@pytest.mark.parametrize("method", ["rise", "occlusion"])
def test_each_box_is_explained_where_it_is(model, registry, method):
    images = [scene((0, 1), (2, 3)), scene((3, 0), (1, 1))]
    budget = Budget(samples=200 if method == "rise" else None)
    found = interp.explain(
        model(), images, method=method, target=[0, 1], registry=registry, budget=budget
    )
    assert len(found.provenance.targets) == 4
    outlines = found.of("outline")
    assert [each.image for each in outlines] == [0, 0, 1, 1]
    for each in outlines:
        x0, y0, x1, y1 = each.box.astype(int)
        heat = found.map(each.target, each.image)
        y, x = np.unravel_index(heat.argmax(), heat.shape)
        assert x0 - 4 <= x < x1 + 4
        assert y0 - 4 <= y < y1 + 4


@pytest.mark.parametrize("method", ["gradcam", "channel-ablation", "lime"])
def test_methods_see_an_ordinary_model(model, registry, method):
    found = interp.explain(
        model(), scene((0, 1), (2, 3)), method=method, registry=registry, budget=Budget(samples=50)
    )
    assert found.provenance.targets == ("spot 0.50 at 8,0..16,8",)
    assert found.map().shape == (32, 32)


def test_a_black_box_offers_no_gradients_and_says_why(model, registry):
    with pytest.raises(UnsupportedError, match="through readout spots"):
        interp.explain(model(blind=True), scene((0, 1)), method="gradcam", registry=registry)


def test_a_wrong_parameter_is_told(model):
    with pytest.raises(InputError, match="spots has no parameter 'spot'"):
        model(spot=3)
    with pytest.raises(InputError, match="greater than or equal to 1"):
        model(spots=0)


def test_a_box_is_named_by_its_class_where_only_one_has_it():
    boxes = ("dog 0.86 at 120,40..300,310", "cat 0.61 at 2,3..40,50", "dog 0.40 at 0,0..5,5")
    assert parse_target("cat", boxes).index == 1
    assert parse_target(boxes[0], boxes).index == 0
    with pytest.raises(InputError, match=r"names 2 boxes \(0: dog 0.86 at"):
        parse_target("dog", boxes)


def test_a_region_is_the_truth_where_the_data_know_none(model, registry):
    image = scene((0, 1), (2, 3))
    opened = model()
    focused = opened.focus(image)
    work = EvaluationRun(None, None, opened, None, {}, {}, {})  # type: ignore[arg-type]
    given = Example("scene", image, None)
    (found,) = work._with_truth(given, focused, Target(1, focused.spec.classes[1])).instances
    assert found.box == (24, 16, 32, 24)
    assert work._with_truth(given, opened, Target(1, "cell 1")) is given


def test_a_bundle_holds_the_outline(model, registry, tmp_path):
    image = scene((0, 1), (2, 3))
    session = Session(registry, model())
    run(Request(method="occlusion"), session, images=[image], names=["scene"], out=tmp_path / "run")
    opened = open_bundle(tmp_path / "run")[1]
    (outline,) = opened.of("outline")
    assert isinstance(outline, Outline)
    drawn = image_of(opened, replace(outline))
    assert (drawn != image).any()
    assert not (drawn[20:] != image[20:]).any()
