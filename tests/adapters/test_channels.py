"""Models of other channels than grey or RGB: shown all of them, drawn by some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import interp
from interp.cli import main
from interp.errors import InputError, ModelError
from interp.opening.export import export_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp.storage.image import read_image
from interp.storage.pixel import to_picture

SIZE, CHANNELS, BAND = 32, 5, 4
"""The fifth channel decides."""
CORNER = (slice(0, 12), slice(20, 32))
PLAIN = {"mean": (0.0,) * CHANNELS, "std": (1.0,) * CHANNELS}
OPTIONS = ModelOptions(device="cpu", input={"size": (SIZE, SIZE), **PLAIN}, classes=("lit", "dim"))
BUDGET = interp.Budget(samples=200)


class Lit(nn.Module):
    """How bright the fifth channel is where it is bright; the others do not count."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.act = nn.Conv2d(CHANNELS, 2, 4, 4), nn.ReLU()
        self.fc = nn.Linear(2, 2)
        with torch.no_grad():
            self.stem.weight.zero_()
            self.stem.weight[0, BAND] = 1 / 16
            self.stem.bias.copy_(torch.tensor([-0.3, 0.1]))
            self.fc.weight.copy_(torch.tensor([[20.0, 0.0], [-20.0, 0.0]]))
            self.fc.bias.copy_(torch.tensor([-1.0, 1.0]))

    def forward(self, image: Tensor) -> Tensor:
        return self.fc(self.act(self.stem(image)).mean((2, 3)))


def image() -> np.ndarray:
    """Noise, (H, W, C) in [0, 1]: the fifth channel is bright in one corner, others in another."""
    found = np.random.default_rng(0).uniform(0.1, 0.2, (SIZE, SIZE, CHANNELS)).astype(np.float32)
    found[(*CORNER, BAND)] += 0.7
    found[20:, :12, :BAND] += 0.7
    return found


def function(images: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return Lit()(torch.from_numpy(images)).numpy()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[object, ModelOptions]]:
    """The model as a module, an ONNX file, a program and a function."""
    folder = tmp_path_factory.mktemp("channels")
    export_model(Lit(), folder / "lit.onnx", OPTIONS, Registry.load())
    batch = torch.export.Dim("batch")
    given = (torch.rand(2, CHANNELS, SIZE, SIZE),)
    program = torch.export.export(Lit(), given, dynamic_shapes=({0: batch},))
    torch.export.save(program, folder / "lit.pt2")
    return {
        "torch": (Lit(), OPTIONS),
        "onnx": (str(folder / "lit.onnx"), ModelOptions(device="cpu")),
        "pt2": (str(folder / "lit.pt2"), OPTIONS),
        "function": (function, OPTIONS.model_copy(update={"pixels": "float-chw"})),
    }


METHODS = {
    "rise": {"cells": 4},
    "occlusion": {},
    "lime": {},
    "kernelshap": {},
    "gradcam": {},
    "chip": {},
    "mint": {"baseline": "empty"},
    "score-cam": {},
    "channel-ablation": {},
    "gradcam-plusplus": {},
    "xgradcam": {},
    "hirescam": {},
    "layercam": {},
    "finercam": {"nearest": 1},
    "saliency": {},
    "integrated-gradients": {},
    "captum-occlusion": {},
}
BLACK_BOX = ("rise", "occlusion", "lime", "kernelshap", "captum-occlusion")


@pytest.mark.parametrize("kind", ["torch", "onnx", "pt2", "function"])
@pytest.mark.parametrize("method", METHODS)
def test_methods_look_where_the_channel_is_bright(models: dict, kind: str, method: str) -> None:
    source, options = models[kind]
    wanted = Registry.load().get("method", method).needs
    model = interp.open_model(source, options=options)
    if not wanted <= model.capabilities:
        pytest.skip("needs more than the model offers")
    params = METHODS[method]
    found = interp.explain(
        model, image(), method=method, target="lit", params=params, budget=BUDGET
    ).map()
    values = np.abs(found) if method in ("saliency", "integrated-gradients") else found
    row, column = np.unravel_index(values.argmax(), values.shape)
    assert found.shape == (SIZE, SIZE)
    assert row < 14 and column > 17, (row, column)


@pytest.mark.parametrize("method", ["rise", "lime", "occlusion", "mint"])
@pytest.mark.parametrize("bands", [(BAND + 1,), (1, 2, 3, 4)])
def test_some_channels_are_hidden_alone(method: str, bands: tuple[int, ...]) -> None:
    params = {**METHODS.get(method, {}), "bands": bands}
    values = interp.explain(
        Lit(), image(), method=method, target="lit", params=params, options=OPTIONS, budget=BUDGET
    ).map()
    if BAND + 1 in bands:
        assert values[CORNER].max() == values.max() > 0
    elif method != "rise":  # whose mean over masks varies with the masks, whatever the scores
        assert np.abs(values).max() < 1e-3


def test_channels_that_the_image_has_not_are_refused() -> None:
    with pytest.raises(InputError, match="found bands 6; expected some of the image's, 1 to 5"):
        interp.explain(
            Lit(), image(), method="rise", params={"bands": (6,)}, options=OPTIONS, budget=BUDGET
        )
    with pytest.raises(InputError, match="found fill #ff0000 for an image of 5 channels"):
        interp.explain(Lit(), image(), method="rise", params={"fill": "#ff0000"}, options=OPTIONS)


def test_channels_are_found_and_told() -> None:
    spec = interp.open_model(Lit(), options=ModelOptions(input={"size": (SIZE, SIZE)})).spec
    assert spec.input.channels == CHANNELS and spec.input.fill == (0.0,) * CHANNELS
    notes = " / ".join(spec.notes)
    assert "the model takes 5 channels" in notes and "drawn by channels 1,2,3" in notes
    assumed = "assumed values in [0, 1]; set with options=ModelOptions(input={"
    assert f'{assumed}"mean": ({", ".join(["0.5"] * CHANNELS)})' in notes
    wrong = ModelOptions(input={"mean": (0, 0, 0), "std": (1, 1, 1)})
    with pytest.raises(ModelError, match="expected 5 values, one for each channel"):
        interp.open_model(Lit(), options=wrong)
    chosen = ModelOptions(input={"size": (SIZE, SIZE), "bands": (5, 2, 1)})
    assert "drawn by channels 5,2,1" in " / ".join(
        interp.open_model(Lit(), options=chosen).spec.notes
    )


def test_images_of_other_channels_are_refused() -> None:
    for given in (image()[..., :4], image()[..., :3]):
        with pytest.raises(InputError, match=r"found an image of \d channels.*takes 5 channels"):
            interp.explain(Lit(), given, method="rise", options=OPTIONS, budget=BUDGET)
    with pytest.raises(InputError, match="image of 5 channels; creatures-vgg takes 3 channels"):
        interp.explain("creatures-vgg", image(), method="rise", budget=BUDGET)


def saved(folder: Path, bands: np.ndarray) -> dict[str, Path]:
    """The same bands in files of every kind."""
    tifffile = pytest.importorskip("tifffile")
    whole = (bands * 65535).round().astype(np.uint16)
    np.save(folder / "last.npy", bands)
    np.save(folder / "first.npy", whole.transpose(2, 0, 1))
    tifffile.imwrite(
        folder / "contiguous.tif", whole, photometric="minisblack", planarconfig="contig"
    )
    planes = np.ascontiguousarray(whole.transpose(2, 0, 1))
    tifffile.imwrite(
        folder / "planes.tif", planes, photometric="minisblack", planarconfig="separate"
    )
    return {each.stem: each for each in folder.iterdir()}


def test_files(tmp_path: Path) -> None:
    bands, model = image(), interp.open_model(Lit(), options=OPTIONS)
    expected = model.predict(torch.from_numpy(bands).permute(2, 0, 1)[None])
    for name, file in saved(tmp_path, bands).items():
        read = read_image(file).of(CHANNELS)
        assert read.pixels.dtype == np.float32, name
        np.testing.assert_allclose(read.pixels, bands, atol=1e-5, err_msg=name)
        found = model.predict(model.prepare(read.pixels)[0][None])
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_four_bands_are_colours_for_one_model_and_channels_for_another(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    bands = np.random.default_rng(1).integers(0, 256, (20, 24, 4), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "four.tif", bands, photometric="rgb", extrasamples=[0])
    found = read_image(tmp_path / "four.tif")
    assert np.array_equal(found.pixels, bands[..., :3]) and "left out" in found.notes[0]
    whole = found.of(4)
    np.testing.assert_allclose(whole.pixels, bands / 255, atol=1e-6)
    assert whole.notes == ()


def test_pictures_show_the_chosen_channels() -> None:
    bands = image()
    picture = to_picture(bands, (5, 1, 2))
    assert picture.shape == (SIZE, SIZE, 3) and picture.dtype == np.uint8
    assert picture[CORNER][..., 0].mean() > 150 > 100 > picture[CORNER][..., 1].mean()
    assert np.array_equal(to_picture(bands), to_picture(bands, (1, 2, 3)))
    grey = to_picture(bands, (5,))
    assert np.array_equal(grey[..., 0], grey[..., 2])
    assert to_picture(bands[..., :2]).shape == (SIZE, SIZE, 3)
    colours = np.zeros((4, 4, 3), np.uint8)
    assert to_picture(colours) is colours
    for wrong in ((1, 2), (6,), (0, 1, 2)):
        with pytest.raises(
            InputError, match="expected one or three of the image's channels, 1 to 5"
        ):
            to_picture(bands, wrong)


@pytest.mark.parametrize("kind", ["torch", "onnx", "function"])
def test_compare_writes_a_report(models: dict, kind: str, tmp_path: Path) -> None:
    source, options = models[kind]
    methods = ["rise", "occlusion"] if kind == "function" else ["rise", "gradcam"]
    out = tmp_path / "compared"
    found = interp.compare(
        source, [image(), image()[::-1]], methods=methods, options=options, budget=BUDGET, out=out
    )
    assert [cell.error for case in found.cases for cell in case.cells] == [None] * 4
    assert found.cases[0].image.shape == (SIZE, SIZE, 3)
    assert (out / "report.html").is_file()


def test_evaluate_and_folders(models: dict, tmp_path: Path) -> None:
    for number, name in enumerate(("lit", "dim", "lit")):
        (tmp_path / "data" / name).mkdir(parents=True, exist_ok=True)
        bands = image() if name == "lit" else image() * 0.5
        np.save(tmp_path / "data" / name / f"{number}.npy", bands)
    for kind in ("torch", "onnx", "function"):
        source, options = models[kind]
        found = interp.evaluate(
            source,
            tmp_path / "data",
            methods=["rise", "edges", "random"],
            metrics=["deletion", "insertion", "road", "stability"],
            options=options,
            budget=BUDGET,
        )
        assert not any(each.failures for each in found.records), kind
        assert len(found.records) == 3


def test_the_command_line(models: dict, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    source, _ = models["onnx"]
    np.save(tmp_path / "image.npy", image())
    given = ["--model", str(source), "--image", str(tmp_path / "image.npy")]
    assert main(["predict", *given]) == 0
    assert "lit" in capsys.readouterr().out
    rest = ["--target", "lit", "--budget", "64", "--out", str(tmp_path / "run")]
    more = ["--input", "bands=5,1,2", "--bands", "5"]
    assert main(["run", "--plugin", "rise", *given, *rest, *more]) == 0
    first = interp.result.bundle.open_bundle(tmp_path / "run")[1]
    assert first.provenance.params["bands"] == [5]
    assert first.provenance.model.input.bands == (5, 1, 2)
    assert np.array_equal(first.images[0], to_picture(image(), (5, 1, 2)))
    assert main(["rerun", str(tmp_path / "run")]) == 0


def test_knowledge_is_learned_of_other_channels(tmp_path: Path) -> None:
    for name, scale in (("lit", 1.0), ("dim", 0.4)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(3):
            np.save(tmp_path / "data" / name / f"{number}.npy", image() * scale)
    given = {"method": "chip", "params": {"masks": 200, "images": 3}, "options": OPTIONS}
    interp.fit(Lit(), tmp_path / "data", out=tmp_path / "known", **given)
    found = interp.survey(Lit(), tmp_path / "data", knowledge=tmp_path / "known", **given)
    (gallery, *_) = found.of("gallery")
    assert gallery.pictures.dtype == np.uint8
