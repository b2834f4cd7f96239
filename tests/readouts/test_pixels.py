"""Segmentations read by pixels: layouts, regions, probabilities and logits, and what is refused."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.outputs import SIZE, Last, Named, OneMask, PartSegmenter
from torch import Tensor, nn

from interp.errors import InputError, ModelError
from interp.model import ModelAdapter
from interp.network.pixel_scores import mean_log_odds, weighted_mean
from interp.network.placement import place
from interp.opening.pixel_region import on_grid, parse_region
from interp.spec import InputSpec

CLASSES = ("ground", "leaf", "sky")


def answer(image: np.ndarray, module: nn.Module | None = None) -> np.ndarray:
    """The segmenter's own logits (K, h, w) of an image at its input size, in float64."""
    pixels = torch.tensor(image / 255.0, dtype=torch.float64).permute(2, 0, 1)[None]
    with torch.no_grad():
        found: Tensor = (module or PartSegmenter()).double()(pixels)
    return found[0].numpy()


def slow_chances(logits: np.ndarray, softmax: bool = True) -> np.ndarray:
    """Probabilities of logits (K, h, w), pixel by pixel."""
    found = np.zeros_like(logits)
    for row in range(logits.shape[1]):
        for column in range(logits.shape[2]):
            odds = np.exp(logits[:, row, column])
            found[:, row, column] = odds / odds.sum() if softmax else odds / (1 + odds)
    return found


def slow_mean(maps: np.ndarray, cells: Iterable[tuple[int, int]], label: int) -> float:
    found = [maps[label, row, column] for row, column in cells]
    return float(sum(found) / len(found))


def read(model: ModelAdapter, image: np.ndarray, output: str = "prob") -> np.ndarray:
    """Each class's score (K,) of an image, as its own focus reads it."""
    focused = model.focus(image)
    pixels = focused.prepare(image)[0][None]
    return focused.probabilities(focused.predict(pixels), output)[0].numpy()


@pytest.mark.parametrize("adapter", ["torch", "onnx"])
def test_probability_is_the_mean_over_the_pixels_where_a_class_is_found(
    opened: Callable, picture: np.ndarray, adapter: str
) -> None:
    model = opened(PartSegmenter(), "pixels", adapter, CLASSES)
    logits = answer(picture)
    chances, winner = slow_chances(logits), logits.argmax(0)
    found = read(model, picture)
    for label in range(3):
        cells = list(zip(*np.nonzero(winner == label), strict=True))
        assert cells
        assert found[label] == pytest.approx(slow_mean(chances, cells, label), abs=1e-5)
    assert (model.spec.activation, model.spec.unit) == ("sigmoid", "probability")
    assert "its mean probability where the model finds it" in model.spec.notes[-1]
    odds = np.log(found / (1 - found))
    assert read(model, picture, "logit") == pytest.approx(odds, abs=1e-3)
    assert read(model, picture, "logprob") == pytest.approx(np.log(found), abs=1e-5)


@pytest.mark.parametrize("adapter", ["torch", "onnx"])
def test_score_logit_is_the_mean_raw_output(
    opened: Callable, picture: np.ndarray, adapter: str
) -> None:
    model = opened(PartSegmenter(), "pixels", adapter, CLASSES, region="image", score="logit")
    assert read(model, picture) == pytest.approx(answer(picture).mean((1, 2)), abs=1e-5)
    assert read(model, picture, "logit") == pytest.approx(read(model, picture))
    assert model.spec.unit == model.unit("logit") == model.unit("prob") == "logit"


@pytest.mark.parametrize("region", ["box:24,0,32,16", "point:25.5,3", "mask:FILE"])
def test_a_named_region_is_averaged(
    opened: Callable, picture: np.ndarray, tmp_path: Path, region: str
) -> None:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[8:20, 2:10] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    cells = {
        "box:24,0,32,16": [(row, column) for row in range(8) for column in range(12, 16)],
        "point:25.5,3": [(1, 12)],
        "mask:FILE": [(row, column) for row in range(4, 10) for column in range(1, 5)],
    }[region]
    named = region.replace("FILE", str(tmp_path / "mask.png"))
    model = opened(PartSegmenter(), classes=CLASSES, region=named)
    chances = slow_chances(answer(picture))
    wanted = [slow_mean(chances, cells, label) for label in range(3)]
    assert read(model, picture) == pytest.approx(wanted, abs=2e-3 if "point" not in region else 0.2)
    shown = model.focus(picture).output.regions[0]
    assert shown.mask.sum() == {"b": 8 * 16, "p": 1, "m": mask.astype(bool).sum()}[region[0]]


def test_regions_are_those_of_the_original_image(opened: Callable, picture: np.ndarray) -> None:
    large = np.repeat(np.repeat(picture, 3, 0), 2, 1)  # 96 x 64
    model = opened(PartSegmenter(), classes=CLASSES)
    regions = model.focus(large).output.regions
    assert all(each.mask.shape == (96, 64) for each in regions)
    assert regions[1].box == (32, 0, 64, 96)
    same = opened(PartSegmenter(), classes=CLASSES, region="box:32,0,64,96").focus(large)
    assert same.output.regions[0].box == (32, 0, 64, 96)


@pytest.mark.parametrize("resize", ["squash", "crop", "letterbox"])
def test_a_mask_reaches_the_same_cells_as_the_image(resize: str) -> None:
    """Slowly: each cell's four corners are looked up in the original."""
    spec = InputSpec(size=(32, 48), resize=resize)
    placement = place((70, 50), spec)
    mask = np.zeros((70, 50), bool)
    mask[20:50, 15:40] = True
    found = on_grid(mask, placement, (8, 12))
    (sy, sx), (ty, tx) = placement.scale, placement.shift
    for row in range(1, 7):
        for column in range(1, 11):
            ys = (np.arange(4 * row, 4 * row + 4) + 0.5 - ty) / sy
            xs = (np.arange(4 * column, 4 * column + 4) + 0.5 - tx) / sx
            inside = np.logical_and.outer((ys > 20) & (ys < 50), (xs > 15) & (xs < 40))
            assert found[row, column] == pytest.approx(inside.mean(), abs=0.3)
            if inside.all():
                assert found[row, column] > 0.6


def test_classes_found_nowhere_are_scored_over_the_image_and_told(
    opened: Callable, picture: np.ndarray
) -> None:
    picture[:] = 90
    model = opened(PartSegmenter(), classes=CLASSES).focus(picture)
    assert any("found nowhere" in note and "leaf, sky" in note for note in model.spec.notes)
    assert [each is None for each in model.output.regions] == [False, True, True]
    chances = slow_chances(answer(picture))
    assert read(model, picture)[1] == pytest.approx(chances[1].mean(), abs=1e-5)


@pytest.mark.parametrize("adapter", ["torch", "onnx"])
@pytest.mark.parametrize("build", [Named, Last])
def test_other_layouts_of_the_answer_are_read_alike(
    opened: Callable, picture: np.ndarray, build: type[nn.Module], adapter: str
) -> None:
    plain = read(opened(PartSegmenter(), classes=CLASSES), picture)
    assert read(opened(build(), "pixels", adapter, CLASSES), picture) == pytest.approx(plain, 1e-4)


def test_a_layout_that_its_shape_does_not_tell_is_measured(
    opened: Callable, picture: np.ndarray
) -> None:
    class Cubic(nn.Module):
        """Sixteen classes of (16, 16) pixels, the classes last."""

        def forward(self, image: Tensor) -> Tensor:
            small = nn.functional.avg_pool2d(image, 2)
            ramp = torch.linspace(-1, 1, 16)[:, None, None]
            return (small[:, :1] * ramp * 5).permute(0, 2, 3, 1)

    model = opened(Cubic())
    assert any("classes stand last" in note for note in model.spec.notes)
    focused = model.focus(picture)
    assert len(focused.spec.classes) == 16
    red = torch.tensor(picture[..., 0] / 255.0).float()[None, None]
    small = nn.functional.avg_pool2d(red, 2)[0].numpy()
    logits = small * np.linspace(-1, 1, 16)[:, None, None] * 5
    whole = opened(Cubic(), region="image")
    assert read(whole, picture) == pytest.approx(slow_chances(logits).mean((1, 2)), abs=1e-4)


@pytest.mark.parametrize("adapter", ["torch", "onnx"])
def test_one_channel_is_a_class_and_its_opposite(
    opened: Callable, picture: np.ndarray, adapter: str
) -> None:
    model = opened(OneMask(), "pixels", adapter, ("leaf",))
    assert model.spec.classes == ("leaf", "not leaf")
    logits = answer(picture)[1:2]
    chances = slow_chances(np.concatenate([logits, -logits]), softmax=False)
    winner = np.stack([logits[0] > 0, logits[0] < 0])
    wanted = [chances[label][winner[label]].mean() for label in range(2)]
    assert read(model, picture) == pytest.approx(wanted, abs=1e-5)


def test_classes_that_do_not_exclude_each_other(opened: Callable, picture: np.ndarray) -> None:
    model = opened(PartSegmenter(), classes=CLASSES, activation="sigmoid", region="image")
    chances = slow_chances(answer(picture), softmax=False)
    assert read(model, picture) == pytest.approx(chances.mean((1, 2)), abs=1e-5)


def test_maps_of_probabilities_are_averaged_as_they_are(
    opened: Callable, picture: np.ndarray
) -> None:
    model = opened(nn.Sequential(PartSegmenter(), nn.Softmax(1)), classes=CLASSES)
    assert read(model, picture) == pytest.approx(
        read(opened(PartSegmenter(), classes=CLASSES), picture), abs=1e-5
    )
    with pytest.raises(ModelError, match="answers probabilities"):
        opened(nn.Sequential(PartSegmenter(), nn.Softmax(1)), score="logit")


@pytest.mark.parametrize("adapter", ["torch", "onnx"])
def test_maps_of_values_are_averaged_as_they_are(
    opened: Callable, picture: np.ndarray, adapter: str
) -> None:
    depth = nn.Conv2d(3, 1, 1)
    nn.init.constant_(depth.weight, 40.0)
    model = opened(depth, "pixels", adapter, ("depth",), activation="none", region="box:0,0,8,8")
    assert (model.spec.unit, model.spec.classes) == ("value", ("depth",))
    wanted = (picture[:8, :8] / 255).sum(2).mean() * 40 + depth.bias.item()
    assert read(model, picture) == pytest.approx([wanted], rel=1e-4)


@pytest.mark.parametrize("softmax", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_log_odds_of_means_against_a_slow_second_writing(softmax: bool, weighted: bool) -> None:
    rng = np.random.default_rng(3)
    maps = rng.normal(0, 3, (2, 4, 5, 6))
    weights = rng.random((4, 5, 6)) * (rng.random((4, 5, 6)) > 0.5) if weighted else None
    share = None if weights is None else torch.tensor(weights)
    found = mean_log_odds(torch.tensor(maps), share, softmax)
    plain = weighted_mean(torch.tensor(maps), share)
    for image in range(2):
        chances = slow_chances(maps[image], softmax)
        for label in range(4):
            each = np.ones((5, 6)) if weights is None else weights[label]
            mean = (chances[label] * each).sum() / each.sum()
            assert float(found[image, label]) == pytest.approx(np.log(mean / (1 - mean)))
            raw = (maps[image, label] * each).sum() / each.sum()
            assert float(plain[image, label]) == pytest.approx(raw)


@pytest.mark.parametrize("softmax", [True, False])
def test_slopes_do_not_vanish_where_the_model_is_sure(softmax: bool) -> None:
    maps = torch.zeros(1, 3, 4, 4)
    maps[:, 0] = 90.0
    maps.requires_grad_(True)
    score = mean_log_odds(maps, torch.ones(1, 4, 4), softmax)[0, 0]
    score.backward()
    assert float(score.detach()) == pytest.approx(90 - (np.log(2) if softmax else 0), abs=1e-3)
    assert float(maps.grad[0, 0].sum()) == pytest.approx(1, abs=1e-5)
    assert torch.isfinite(maps.grad).all()


def test_gradients_are_those_of_the_mean(opened: Callable, picture: np.ndarray) -> None:
    """The slope of the mean logit by the pixels, by central differences."""
    model = opened(PartSegmenter(), classes=CLASSES, region="image", score="logit")
    pixels = model.prepare(picture)[0][None].clone().requires_grad_(True)
    model.forward(pixels)[0, 2].backward()
    for at in ((0, 2, 6, 22), (0, 0, 6, 22)):
        step = torch.zeros_like(pixels)
        step[at] = 1e-2
        with torch.no_grad():
            above, below = (model.predict(pixels + sign * step)[0, 2] for sign in (1, -1))
        assert float(pixels.grad[at]) == pytest.approx(float(above - below) / 2e-2, abs=1e-4)


def test_the_default_layer_is_no_map_of_the_classes(opened: Callable) -> None:
    model = opened(PartSegmenter(), classes=CLASSES)
    assert model.map_layer().grid == (8, 8)
    assert model.map_layer().channels == 3


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ("where", "expected predicted, image, box"),
        ("box:1,2,3", "expected predicted, image, box"),
        ("box:9,2,3,4", "x0 < x1"),
        ("point:a,b", "expected predicted, image, box"),
    ],
)
def test_regions_that_cannot_be_read(opened: Callable, region: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        opened(PartSegmenter(), region=region)


def test_regions_outside_of_the_image(
    opened: Callable, picture: np.ndarray, tmp_path: Path
) -> None:
    Image.fromarray(np.ones((9, 9), np.uint8)).save(tmp_path / "small.png")
    for region, message in (
        ("point:99,1", "no pixel lies in the image"),
        ("box:40,40,50,50", "no pixel lies in the image"),
        (f"mask:{tmp_path / 'small.png'}", "9 x 9 pixels; expected 32 x 32"),
        (f"mask:{tmp_path / 'none.png'}", "no such image file"),
    ):
        with pytest.raises(InputError, match=message):
            opened(PartSegmenter(), region=region).focus(picture)


def test_a_mask_is_found_from_any_folder(
    opened: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = opened(PartSegmenter(), region="mask:part.png")
    assert model.spec.readout_params["region"] == f"mask:{tmp_path / 'part.png'}"


def test_no_segmentation_is_refused(opened: Callable) -> None:
    scores = nn.Sequential(nn.Flatten(), nn.LazyLinear(3))
    scores(torch.zeros(1, 3, SIZE, SIZE))
    with pytest.raises(ModelError, match=r"\(2, 3\).*expects a segmentation"):
        opened(scores)


def test_a_region_is_written_as_it_is_read() -> None:
    for text in ("predicted", "image", "box:1,2,3.5,4", "point:5,6", "mask:a/b.png"):
        assert str(parse_region(text)) == text


def test_dictionary_of_torchvision_is_looked_up_by_name(
    opened: Callable, picture: np.ndarray
) -> None:
    class Ordered(Named):
        def forward(self, image: Tensor) -> OrderedDict[str, Tensor]:
            return OrderedDict(super().forward(image))

    model = opened(Ordered(), classes=CLASSES)
    assert any("'out'" in note for note in model.spec.notes)
