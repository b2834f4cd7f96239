"""What a new user met: each fault of a first trial, as its kind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor, nn

import interp
from interp.cli import main
from interp.context import Budget
from interp.errors import InputError, ModelError
from interp.opening.prediction import predict_image
from interp.result.stored_image import write_png
from interp.spec import ModelOptions

SMALL = {"size": (24, 24), "mean": (0.0,) * 3, "std": (1.0,) * 3}
GREY = np.full((112, 112, 3), 128, np.uint8)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 4)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.conv(images).relu().mean((2, 3)))


def test_timing_of_layouts_leaves_the_hooks_of_a_method_alone() -> None:
    """After 64 images a network tries memory layouts: not while a method replaces a layer."""
    model = interp.open_model("creatures-vit", options=ModelOptions(device="cpu"))
    found = interp.explain(model, "two", method="layer-ablation", budget=Budget(batch_size=16))
    assert np.isfinite(found.map()).all()
    assert found.map().any()


def test_the_most_confident_box_comes_first_and_is_explained() -> None:
    model = interp.open_model("creatures-detector", options=ModelOptions(device="cpu"))
    found = interp.explain(model, "two", method="rise", budget=Budget(samples=40))
    scores = [
        float(each.rsplit(" at ", 1)[0].rsplit(" ", 1)[1])
        for each in found.provenance.predictions[0].classes
    ]
    assert scores == sorted(scores, reverse=True)
    assert found.provenance.targets == found.provenance.predictions[0].classes[:1]
    assert found.provenance.predictions[0].indices == tuple(range(len(scores)))


def test_an_image_with_nothing_to_explain_does_not_stop_the_others(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("mix").mkdir()
    write_png(Path("mix/b-grey.png"), GREY)
    for name in ("a-two", "c-two"):
        write_png(
            Path(f"mix/{name}.png"),
            interp.explain("creatures-vgg", "two", method="gradcam").images[0],
        )
    common = "--model creatures-detector --data mix --budget 40"
    assert main(f"run --plugin rise {common} --out run".split()) == 0
    index = json.loads(Path("run/index.json").read_text())
    assert [each["name"] for each in index["images"]] == ["a-two", "c-two"]
    assert "found no box" in index["failed"]["b-grey"]
    assert main(f"compare --plugins rise,occlusion {common} --out compared".split()) == 0
    out = capsys.readouterr().out
    assert "b-grey: creatures_detector found no box" in out


def test_errors_about_one_of_several_images_name_it() -> None:
    model = interp.open_model("creatures-detector", options=ModelOptions(device="cpu"))
    with pytest.raises(InputError, match=r"image 1: \w+ found no box"):
        interp.explain(model, ["two", GREY], method="rise", budget=Budget(samples=40))


def test_a_class_that_is_nowhere_is_told() -> None:
    model = interp.open_model("creatures-segmenter", options=ModelOptions(device="cpu"))
    given = {"method": "gradcam", "target": "head"}
    assert any("found nowhere" in each for each in interp.explain(model, GREY, **given).notes)
    assert not any("found nowhere" in each for each in interp.explain(model, "two", **given).notes)
    compared = interp.compare(model, GREY, methods=["gradcam", "saliency"], target="head")
    assert any("found nowhere" in each for each in compared.notes)


def mixed(output: Tensor) -> Tensor:
    return output - output.mean(0, keepdim=True)


def empty(output: Tensor) -> Tensor:
    return output[:, :0]


def imaginary(output: Tensor) -> Tensor:
    return output * 1j


def array(output: Tensor) -> object:
    return output.numpy()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mixed", "depend on the others of its batch"),
        ("empty", "an empty tensor"),
        ("imaginary", "complex numbers"),
        ("array", "answers ndarray; expected a tensor"),
    ],
)
def test_a_function_that_makes_no_scores_is_told(name, words, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    options = ModelOptions(input=SMALL, device="cpu", readout=f"test_trial:{name}")
    with pytest.raises(ModelError, match=words) as told:
        interp.open_model(Net(), options=options)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.array(["a", "b"]), "expected numbers"),
        (np.array([{}], dtype=object), "[Oo]bjects"),
    ],
)
def test_a_reference_that_is_none_is_told(values, words, tmp_path) -> None:
    np.save(tmp_path / "bad.npy", values, allow_pickle=True)
    params = {"reference": str(tmp_path / "bad.npy")}
    options = ModelOptions(input=SMALL, device="cpu", readout="similarity", readout_params=params)
    with pytest.raises(InputError, match=words) as told:
        interp.open_model(Net(), options=options)
    assert "pickle" not in str(told.value)


def test_a_live_segmenter_of_torchvision_is_recognised() -> None:
    segmentation = pytest.importorskip("torchvision.models.segmentation")
    module = segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None)
    model = interp.open_model(module, options=ModelOptions(input={"size": (64, 64)}, device="cpu"))
    assert model.spec.readout == "pixels"
    assert predict_image(model, GREY).classes


def maps(images: np.ndarray) -> np.ndarray:
    return np.zeros((len(images), 2, 8, 8))


def test_a_function_that_answers_maps_is_told_of_the_readout() -> None:
    with pytest.raises(ModelError, match='readout="pixels"\\) needs the model itself'):
        interp.open_model(maps, options=ModelOptions(input=SMALL, readout="pixels"))
