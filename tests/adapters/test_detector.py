"""torchvision's detectors: opened by name or as modules, with their own preprocessing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import get_model

from interp.errors import InputError
from interp.opening.source import open_model
from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp.spec import ModelOptions

REGISTRY = Registry.load()
SSD = "ssdlite320_mobilenet_v3_large"
LOW = {"threshold": 0.005}


@pytest.fixture(scope="module")
def module() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return get_model(SSD, weights=None, weights_backbone=None).eval()


def photo(size: int = 320) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)


def test_a_module_gets_images_as_they_are(module: nn.Module) -> None:
    """The boxes are those that torchvision itself answers for the image in [0, 1]."""
    model = open_model(module, ModelOptions(readout_params=LOW, device="cpu"), REGISTRY)
    assert model.spec.readout == "boxes"
    assert (model.spec.input.size, model.spec.input.resize) == ((320, 320), "squash")
    assert any("normalises images itself" in each for each in model.spec.notes)
    image = photo()
    with torch.no_grad():
        (expected,) = module([torch.from_numpy(image).permute(2, 0, 1) / 255])
    focused = model.focus(image)
    assert focused.output is not None
    for name, region in zip(focused.spec.classes, focused.output.regions, strict=True):
        assert region is not None
        away = (expected["boxes"] - torch.tensor(region.box)).abs().amax(1)
        assert away.min() < 0.01
        row = away.argmin()
        assert name.startswith(f"class {int(expected['labels'][row])} ")
        assert f"{float(expected['scores'][row]):.2f}" in name


def test_rise_runs_and_cuts_do_not(module: nn.Module) -> None:
    model = open_model(module, ModelOptions(readout_params=LOW, device="cpu"), REGISTRY)
    request = Request(method="occlusion", targets=("0",), params={"window": 0.5, "stride": 0.5})
    found = run(request, registry=REGISTRY, model=model, images=[photo()]).explanation
    assert np.isfinite(found.map()).all()
    assert model.layers()
    assert {each.cut for each in model.layers()} == {"none"}


@pytest.mark.parametrize("name", [SSD, "fasterrcnn_mobilenet_v3_large_320_fpn"])
def test_by_name_with_random_weights_nothing_is_downloaded(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a download was tried")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    model = open_model(f"torchvision:{name}", ModelOptions(weights="random"), REGISTRY)
    assert model.spec.input.mean == (0, 0, 0)
    assert model.spec.input.std == (1, 1, 1)
    assert model.spec.classes[1] == "person"
    with pytest.raises(InputError, match="found no box"):
        model.focus(photo(100))
    found = model.predict(torch.rand(2, 3, 320, 320))
    assert found.shape == (2, 91)


def test_transformers_detectors_are_read_as_detr() -> None:
    """The boxes and scores are those of the library's own post-processing."""
    transformers = pytest.importorskip("transformers")
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    names = {str(index): name for index, name in enumerate(("cat", "dog", "owl"))}
    config = transformers.YolosConfig(
        **small,
        image_size=[64, 96],
        intermediate_size=64,
        num_detection_tokens=6,
        id2label=names,
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        module = transformers.YolosForObjectDetection(config).eval()
    half = {"size": (64, 96), "mean": (0.5,) * 3, "std": (0.5,) * 3}
    options = ModelOptions(
        input=half,
        readout="boxes",
        readout_params={"threshold": 0.01, "iou": 1},
        classes=tuple(names.values()),
        device="cpu",
    )
    model = open_model(module, options, REGISTRY)
    assert any("read as detr" in each and "the last stands" in each for each in model.spec.notes)
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    pixels = (torch.from_numpy(image).permute(2, 0, 1)[None] / 255 - 0.5) / 0.5
    with torch.no_grad():
        answer = module(pixels)
    processor = transformers.YolosImageProcessor()
    (expected,) = processor.post_process_object_detection(answer, 0.01, [(64, 96)])
    focused = model.focus(image)
    assert len(focused.spec.classes) == len(expected["scores"]) > 1
    found = [each.rsplit(" ", 3)[:2] for each in focused.spec.classes]
    rows = expected["scores"].argsort(descending=True, stable=True)
    assert found == [
        [names[str(int(expected["labels"][row]))], f"{float(expected['scores'][row]):.2f}"]
        for row in rows
    ]
    assert focused.output is not None
    first = focused.output.regions[0]
    assert first is not None
    wanted = expected["boxes"][rows[0]].clamp(min=0)
    wanted = wanted.minimum(torch.tensor([96.0, 64, 96, 64]))
    torch.testing.assert_close(torch.tensor(first.box), wanted, atol=1e-3, rtol=0)
