"""Networks quantised to 8 bits, in both forms: cut at every layer, slopes of the unrounded rest."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from interp.spec import ModelOptions
from interp.target import Target
from interp_onnx.adapter import OnnxAdapter
from interp_onnx.opening import open_model

quantization = pytest.importorskip("onnxruntime.quantization")

SIZE = 16
FORMS = ("QDQ", "QOperator")


class Net(nn.Module):
    """Convolutions with a skip, a depthwise one, rectified to 6, and a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU6())
        self.deep = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.ReLU6())
        self.point = nn.Conv2d(8, 8, 1)
        self.fc = nn.Linear(8, 4)

    def forward(self, image: Tensor) -> Tensor:
        stem = self.stem(image)
        return self.fc((stem + self.point(self.deep(stem))).mean((2, 3)))


class Images(quantization.CalibrationDataReader):
    """Normalised images, to measure the range of every tensor on."""

    def __init__(self) -> None:
        generator = np.random.default_rng(0)
        shape = (8, 1, 3, SIZE, SIZE)
        self.given = iter(generator.uniform(-1, 1, shape).astype(np.float32))

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next image, as the quantiser asks for them."""
        found = next(self.given, None)
        return None if found is None else {"image": found}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, OnnxAdapter]:
    """The float network, and both quantised forms of it."""
    folder: Path = tmp_path_factory.mktemp("quantised")
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        names = {"input_names": ["image"], "output_names": ["scores"]}
        axes = {"image": {0: "n"}, "scores": {0: "n"}}
        image = torch.rand(1, 3, SIZE, SIZE)
        path = folder / "float.onnx"
        torch.onnx.export(Net().eval(), (image,), path, dynamo=False, dynamic_axes=axes, **names)
    logging.disable(logging.WARNING)
    for form in FORMS:
        kind = quantization.QuantFormat[form]
        quantization.quantize_static(path, folder / f"{form}.onnx", Images(), quant_format=kind)
    logging.disable(logging.NOTSET)
    said = {"size": (SIZE, SIZE), "mean": (0.5,) * 3, "std": (0.5,) * 3}
    options = ModelOptions(input=said, device="cpu", activation="softmax")
    return {name: open_model(str(folder / f"{name}.onnx"), options) for name in ("float", *FORMS)}


def images(count: int = 2) -> Tensor:
    return torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("form", FORMS)
def test_answers_are_onnxruntimes_own(models, form: str) -> None:
    """Of the file as it is; with its default, onnxruntime saturates where there is no VNNI."""
    model = models[form]
    session = model.network.engine.session(onnx.load(model.spec.source))
    (expected,) = session.inner.run(None, {"image": model.network.encode(images()).numpy()})
    torch.testing.assert_close(model.predict(images()), torch.from_numpy(expected))


@pytest.mark.parametrize("form", FORMS)
def test_every_layer_is_cut_at_its_fractions(models, form: str) -> None:
    model = models[form]
    assert {"stem", "deep", "point"} <= {each.name for each in model.layers()}
    scale = model.predict(images()).abs().max()
    for layer in model.layers():
        frontier = model.cut(layer.name).prefix(images())
        assert frontier.activation.dtype == torch.float32
        found = model.cut(layer.name).suffix(frontier, frontier.activation)
        assert (found - model.predict(images())).abs().max() <= 0.03 * scale, layer.name
    for name in ("stem", "deep"):
        found, expected = (
            models[each].activations(images(), [name])[name] for each in (form, "float")
        )
        assert (found - expected).abs().max() < 0.05 * expected.abs().max()


FORMS_AND_LAYERS = [(form, layer) for form in FORMS for layer in ("stem", "deep", "point")]
"""deep.0 is rectified by the range of the whole numbers that it is rounded to."""


@pytest.mark.parametrize(("form", "layer"), [*FORMS_AND_LAYERS, ("QDQ", "deep.0")])
def test_slopes_are_those_without_rounding(models, form: str, layer: str) -> None:
    slopes = []
    for name in ("float", form):
        cut = models[name].cut(layer)
        frontier = cut.prefix(images(1))
        channels = torch.eye(8)[..., None, None].expand(-1, -1, *frontier.activation.shape[2:])
        targets = [Target(at, str(at)) for at in range(4)]
        slopes.append(cut.derivative(frontier, channels, targets, "logit"))
    apart = (slopes[1] - slopes[0]).abs().max()
    assert apart < 0.08 * slopes[0].abs().max()


@pytest.mark.parametrize("form", FORMS)
def test_slopes_take_one_pass(models, form: str) -> None:
    """Those of differences without rounding, of a score as of a probability."""
    for layer in ("stem", "deep"):
        cut = models[form].cut(layer)
        frontier = cut.prefix(images(1))
        assert cut.one_pass
        channels = torch.eye(8)[..., None, None].expand(-1, -1, *frontier.activation.shape[2:])
        targets = [Target(at, str(at)) for at in range(4)]
        for output in ("logit", "prob"):
            found = cut.derivative(frontier, channels, targets, output)
            slow = cut.differences(frontier, channels, targets, output)
            assert (found - slow).abs().max() <= 1e-4 * slow.abs().max()


def test_quantised_models_say_so(models) -> None:
    assert any("the model is quantised" in each for each in models["QDQ"].spec.notes)
    assert not any("quantised" in each for each in models["float"].spec.notes)
