"""Sources by name: timm, transformers, torchvision's detectors, factories with arguments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.packages import absent
from torch import Tensor, nn

from interp.errors import ModelError
from interp.opening.source import open_model as open_source
from interp.registry import Registry
from interp.spec import ModelOptions
from interp_torch.opening import open_model
from interp_torch.sources.arguments import split_arguments
from interp_torch.sources.timm import short

RANDOM = ModelOptions(device="cpu", weights="random")
TINY = "hidden_size=32,num_hidden_layers=2,num_attention_heads=2,intermediate_size=64"


def refused(source: str, **options: object) -> str:
    """The one line that a bad source is answered with."""
    with pytest.raises(ModelError) as caught:
        open_model(source, ModelOptions(device="cpu", **options))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def no_network(monkeypatch) -> None:
    """The hub's address is unknown, whatever this machine can reach."""
    from interp_torch.sources import hub

    monkeypatch.setattr(hub, "_reachable", lambda address: False)


@pytest.mark.parametrize(
    ("text", "name", "arguments"),
    [
        ("nets:build", "nets:build", {}),
        ("a:b@width=32", "a:b", {"width": 32}),
        ("a:b@size=64,48,deep=true", "a:b", {"size": (64, 48), "deep": True}),
        ("a:b@layers=[2, 2],pool=avg", "a:b", {"layers": [2, 2], "pool": "avg"}),
        ("a:b@rate=1e-3,names=x,y,none=null", "a:b", {"rate": 1e-3, "names": ["x", "y"]}),
        ("a:b@s={'k': 1, 'l': 2}", "a:b", {"s": {"k": 1, "l": 2}}),
    ],
)
def test_arguments(text: str, name: str, arguments: dict[str, object]) -> None:
    found = split_arguments(text)
    assert found[0] == name
    assert arguments.items() <= found[1].items()


def test_arguments_that_are_none() -> None:
    with pytest.raises(ModelError, match="found '32' after @; expected NAME@key=value"):
        split_arguments("a:b@32")


def test_a_factory_with_arguments(package, tmp_path: Path) -> None:
    name = package(
        """
        from torch import nn

        class Net(nn.Module):
            def __init__(self, classes=3, width=4):
                super().__init__()
                self.stem = nn.Conv2d(3, width, 3)
                self.fc = nn.Linear(width, classes)

            def forward(self, image):
                return self.fc(self.stem(image).mean((2, 3)))

            @classmethod
            def wide(cls, classes):
                return cls(classes, 16)
        """
    )
    model = open_model(f"{name}:Net@classes=5,width=8", ModelOptions(device="cpu"))
    assert (model.module().stem.out_channels, len(model.spec.classes)) == (8, 5)
    assert model.spec.source == f"{name}:Net@classes=5,width=8"
    assert open_model(f"{name}:Net.wide@classes=2", RANDOM).module().fc.in_features == 16
    assert "unexpected keyword argument 'depth'" in refused(f"{name}:Net@depth=5")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fasterrcnn_mobilenet_v3_large_320_fpn", "answers list of 2, each dict with boxes"),
        ("lraspp_mobilenet_v3_large", "answers OrderedDict with out (2, 21,"),
        ("r3d_18", "takes five axes (N, 3, depth or frames, h, w)"),
        ("raft_small", "takes 2 inputs ('image1', 'image2')"),
    ],
)
def test_torchvision_that_does_not_classify_images(name: str, message: str, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("downloads a backbone")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fail)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fail)
    assert message in refused(f"torchvision:{name}", weights="random", readout="classes")


def test_timm() -> None:
    timm = pytest.importorskip("timm")
    options = RANDOM.model_copy(update={"input": {"size": (64, 64)}})
    model = open_model("timm:resnet10t", options)
    spec = model.spec
    assert spec.classes[:2] == ("tench", "goldfish") and len(set(spec.classes)) == 1000
    assert (spec.input.resize, spec.input.size, spec.activation) == ("crop", (64, 64), "softmax")
    assert spec.input.crop == pytest.approx(timm.get_pretrained_cfg("resnet10t").crop_pct)
    assert spec.notes == ("random weights: the answers mean nothing",)
    assert open_model("timm:resnet10t", options).spec.fingerprint == spec.fingerprint
    source = "timm:vit_tiny_patch16_224@img_size=32,num_classes=7,depth=2"
    spec = open_source(source, RANDOM, Registry.load()).spec
    assert (spec.input.size, spec.input.mean, len(spec.classes)) == ((32, 32), (0.5,) * 3, 7)
    assert spec.classes[0] == "class 0" and spec.source == source


def test_timm_weights_from_a_file(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    module = timm.create_model("resnet10t", num_classes=4).eval()
    torch.save({"state_dict": module.state_dict(), "epoch": 1}, tmp_path / "last.pth.tar")
    options = ModelOptions(
        device="cpu", weights=str(tmp_path / "last.pth.tar"), input={"size": (64, 64)}
    )
    model = open_model("timm:resnet10t@num_classes=4", options)
    inputs = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(
            model.predict(inputs), module(model.network.encode(inputs)), rtol=1e-4, atol=1e-5
        )
    assert "do not fit ResNet" in refused("timm:resnet18", weights=str(tmp_path / "last.pth.tar"))


def test_timm_refusals(no_network, monkeypatch) -> None:
    pytest.importorskip("timm")
    assert "timm has no model 'resnet81'; did you mean" in refused("timm:resnet81")
    assert "cannot be made with {'depht': 3}" in refused("timm:resnet10t@depht=3", weights="random")
    message = refused("timm:resnet10t")
    assert "the weights of timm:resnet10t could not be fetched" in message
    assert "--weights random" in message
    absent(monkeypatch, "timm")
    assert refused("timm:resnet10t") == "timm is not installed; pip install 'interp[timm]'"


def test_short_names() -> None:
    names = ["tench, Tinca tinca", "suit", "suit, of armour", "crane", "crane"]
    assert short(names) == ("tench", "suit", "suit, of armour", "crane (3)", "crane (4)")


def saved(folder: Path, kind: str = "vit", **fields: object) -> nn.Module:
    """A small classifier of three classes, saved as save_pretrained does."""
    transformers: Any = pytest.importorskip("transformers")
    given = {**_tiny(), **fields} if kind == "vit" else fields
    names = {0: "cat, kitty", 1: "dog", 2: "bird"}
    config = transformers.AutoConfig.for_model(kind, **given, num_labels=3, id2label=names)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = transformers.AutoModelForImageClassification.from_config(config).eval()
    module.save_pretrained(folder)
    return module


def _tiny() -> dict[str, object]:
    return {**split_arguments(f"x@{TINY}")[1], "image_size": 32, "patch_size": 8}


def test_a_folder_of_transformers(tmp_path: Path) -> None:
    module = saved(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps(
            {
                "image_processor_type": "ViTImageProcessor",
                "do_resize": True,
                "do_rescale": True,
                "do_normalize": True,
                "rescale_factor": 1 / 255,
                "size": {"height": 32, "width": 32},
                "image_mean": [0.1, 0.2, 0.3],
                "image_std": [0.4, 0.5, 0.6],
            }
        )
    )
    for source in (f"hf:{tmp_path}", str(tmp_path)):
        model = open_source(source, ModelOptions(device="cpu"), Registry.load())
        spec, images = model.spec, torch.rand(2, 3, 32, 32)
        assert (spec.classes, spec.activation) == (("cat", "dog", "bird"), "softmax")
        assert (spec.input.size, spec.input.resize) == ((32, 32), "squash")
        assert spec.input.mean == (0.1, 0.2, 0.3) and spec.input.std == (0.4, 0.5, 0.6)
        assert [each for each in spec.notes if "logits" not in each] == []
        mean, std = (
            torch.tensor(each).view(1, 3, 1, 1) for each in (spec.input.mean, spec.input.std)
        )
        with torch.no_grad():
            expected = module((images - mean) / std).logits
        torch.testing.assert_close(model.predict(images), expected, rtol=1e-4, atol=1e-5)
        assert model.cut("classifier").layer.cut == "graph"


@pytest.mark.parametrize(
    ("kind", "processor", "fields", "expected"),
    [
        (
            "ConvNextImageProcessor",
            {"size": {"shortest_edge": 32}, "crop_pct": 0.875},
            {},
            {"resize": "crop", "crop": 0.875},
        ),
        (
            "ViTImageProcessor",
            {"size": {"height": 32, "width": 32}, "do_normalize": False},
            {},
            {"resize": "squash", "mean": (0, 0, 0), "std": (1, 1, 1)},
        ),
        (
            "BitImageProcessor",
            {"size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}},
            {},
            {"resize": "crop", "crop": 0.8},
        ),
        (
            "MobileViTImageProcessor",
            {"size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}},
            {},
            {"resize": "crop", "crop": 0.8, "order": "BGR", "mean": (0, 0, 0)},
        ),
    ],
)
def test_preprocessing_is_the_processors_own(
    kind: str, processor: dict[str, Any], fields: dict[str, Any], expected: dict[str, Any], tmp_path
) -> None:
    transformers: Any = pytest.importorskip("transformers")
    saved(tmp_path, **fields)
    own = getattr(transformers, kind)(**processor)
    own.save_pretrained(tmp_path)
    model = open_model(f"hf:{tmp_path}", ModelOptions(device="cpu"))
    found = model.spec.input.model_dump()
    for key, value in expected.items():
        assert found[key] == (value if isinstance(value, str) else pytest.approx(value))
    assert [each for each in model.spec.notes if "logits" not in each] == []
    smooth = np.add.outer(np.arange(60), np.arange(80))[:, :, None] + np.array([0, 40, 90])
    image = smooth.astype(np.uint8)
    pixels, _ = model.prepare(image)
    wanted: Tensor = own(images=image, return_tensors="pt")["pixel_values"]
    assert (model.network.encode(pixels[None]) - wanted).abs().mean() < 0.05


def test_a_processor_that_does_more_is_told(tmp_path: Path) -> None:
    transformers: Any = pytest.importorskip("transformers")
    saved(tmp_path)
    kind = transformers.EfficientNetImageProcessor
    kind(size={"height": 32, "width": 32}, rescale_offset=True).save_pretrained(tmp_path)
    notes = open_model(f"hf:{tmp_path}", ModelOptions(device="cpu")).spec.notes
    assert any("EfficientNetImageProcessor does more than resizing" in each for each in notes)


def test_transformers_by_type_without_network(no_network) -> None:
    pytest.importorskip("transformers")
    model = open_model(f"hf:vit@image_size=32,patch_size=8,{TINY}", RANDOM)
    assert model.spec.input.size == (32, 32)
    notes = " / ".join(model.spec.notes)
    assert "random weights" in notes
    assert "no preprocessing is saved with it; that of ViTImageProcessor is assumed" in notes


def test_several_labels_at_once(tmp_path: Path) -> None:
    saved(tmp_path, problem_type="multi_label_classification")
    spec = open_model(f"hf:{tmp_path}", ModelOptions(device="cpu")).spec
    assert spec.activation == "sigmoid"


def test_transformers_refusals(no_network, monkeypatch, tmp_path: Path) -> None:
    transformers: Any = pytest.importorskip("transformers")
    assert "BertConfig, of which transformers has no image" in refused("hf:bert", weights="random")
    assert "no config.json in it" in refused(f"hf:{tmp_path}")
    assert "no such folder; check the path" in refused(f"hf:{tmp_path}/missing")
    message = refused("hf:google/vit-base-patch16-224")
    assert "the weights of hf:google/vit-base-patch16-224 could not be fetched" in message
    assert "such as hf:vit" in refused("hf:google/vit-base-patch16-224", weights="random")
    transformers.ViTModel(transformers.ViTConfig(**_tiny())).save_pretrained(tmp_path / "body")
    assert "was saved as ViTModel, not as an image classifier" in refused(f"hf:{tmp_path / 'body'}")
    absent(monkeypatch, "transformers")
    wanted = "transformers is not installed; pip install 'interp[transformers]'"
    assert refused("hf:vit") == wanted
