"""timm:NAME and hf:NAME: preprocessing and class names from the library, scores as its own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.packages import absent

from interp.errors import ModelError
from interp.spec import Capability, ModelOptions
from interp_torch.opening import open_model

RANDOM = ModelOptions(device="cpu", weights="random")


def refused(source: str, options: ModelOptions = RANDOM) -> str:
    """The one line that a bad source is answered with."""
    with pytest.raises(ModelError) as caught:
        open_model(source, options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no network in this test")

    monkeypatch.setattr("socket.getaddrinfo", fail)
    monkeypatch.setattr("socket.socket.connect", fail)
    for name in (
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("missing", ["timm", "transformers"])
def test_packages_that_are_absent(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, missing)
    source = {"timm": "timm:resnet18", "transformers": "hf:vit"}[missing]
    assert f"{missing} is not installed; pip install 'interp[{missing}]'" in refused(source)


def test_timm_without_network(no_network) -> None:
    timm = pytest.importorskip("timm")
    model = open_model("timm:vit_tiny_patch16_224@img_size=64", RANDOM)
    config = timm.get_pretrained_cfg("vit_tiny_patch16_224")
    spec = model.spec
    assert (spec.input.size, spec.input.mean) == ((64, 64), tuple(config.mean))
    assert (spec.input.std, spec.input.crop) == (tuple(config.std), config.crop_pct)
    assert (len(spec.classes), spec.classes[0], spec.activation) == (1000, "tench", "softmax")
    assert "random weights: the answers mean nothing" in spec.notes
    images = torch.rand(2, 3, 64, 64)
    expected = model.module().eval()((images - 0.5) / 0.5)
    torch.testing.assert_close(model.predict(images), expected.detach(), atol=1e-5, rtol=1e-5)
    again = open_model("timm:vit_tiny_patch16_224@img_size=64", RANDOM)
    assert again.spec.fingerprint == spec.fingerprint


def test_timm_arguments_and_weights_of_a_file(tmp_path: Path, no_network) -> None:
    timm = pytest.importorskip("timm")
    module = timm.create_model("test_resnet", num_classes=5)
    torch.save({"state_dict": module.state_dict()}, tmp_path / "net.pth.tar")
    (tmp_path / "classes.txt").write_text("a\nb\nc\nd\ne\n")
    options = ModelOptions(device="cpu", weights=str(tmp_path / "net.pth.tar"))
    model = open_model("timm:test_resnet@num_classes=5", options)
    assert model.spec.classes == ("a", "b", "c", "d", "e")
    for key, each in model.module().state_dict().items():
        assert torch.equal(each, module.state_dict()[key])


def test_timm_slips(no_network) -> None:
    pytest.importorskip("timm")
    assert "did you mean 'resnet18'" in refused("timm:resnet_18")
    assert "unexpected keyword argument 'wide'" in refused("timm:resnet18@wide=2")
    message = refused("timm:resnet18", ModelOptions(device="cpu"))
    assert "the weights of timm:resnet18 could not be fetched" in message
    assert "give a file with --weights FILE, or --weights random" in message


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small vision transformer as save_pretrained writes it, with its preprocessor."""
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTConfig(
        image_size=48,
        patch_size=16,
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        id2label={0: "cat, house cat", 1: "dog", 2: "bird"},
    )
    torch.manual_seed(0)
    transformers.ViTForImageClassification(config).save_pretrained(tmp_path / "vit")
    processor = transformers.ViTImageProcessor(
        size={"height": 48, "width": 48}, image_mean=[0.1, 0.2, 0.3], image_std=[0.4, 0.5, 0.6]
    )
    processor.save_pretrained(tmp_path / "vit")
    return tmp_path / "vit"


@pytest.mark.parametrize("prefix", ["hf:", ""])
def test_a_folder_of_save_pretrained(prefix: str, folder: Path, no_network) -> None:
    import transformers

    model = open_model(f"{prefix}{folder}", ModelOptions(device="cpu"))
    spec = model.spec
    assert spec.classes == ("cat", "dog", "bird")
    assert (spec.input.size, spec.input.resize) == ((48, 48), "squash")
    assert spec.input.mean == pytest.approx((0.1, 0.2, 0.3))
    assert spec.input.std == pytest.approx((0.4, 0.5, 0.6))
    assert any("'logits'" in each for each in spec.notes)
    whole = transformers.ViTForImageClassification.from_pretrained(folder).eval()
    images = torch.rand(2, 3, 48, 48)
    mean, std = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.4, 0.5, 0.6])
    inputs = (images - mean[:, None, None]) / std[:, None, None]
    with torch.no_grad():
        expected = whole(inputs).logits
    torch.testing.assert_close(model.predict(images), expected, atol=1e-5, rtol=1e-5)
    assert Capability.GRADIENTS in model.capabilities
    names = {each.name for each in model.layers()}
    assert names <= set(dict(model.module().named_modules()))
    assert any(each.startswith("vit.") for each in names)


def test_a_model_of_transformers_that_is_open(folder: Path) -> None:
    import transformers

    whole = transformers.ViTForImageClassification.from_pretrained(folder).train()
    size = ModelOptions(input={"size": (48, 48), "mean": (0, 0, 0), "std": (1, 1, 1)})
    model = open_model(whole, size)
    images = torch.rand(1, 3, 48, 48)
    found = model.predict(images)
    assert whole.training and whole.vit.training
    with torch.no_grad():
        torch.testing.assert_close(found, whole.eval()(images).logits, atol=1e-5, rtol=1e-5)


def test_random_transformers_and_slips(tmp_path: Path, no_network) -> None:
    pytest.importorskip("transformers")
    small = "hidden_size=24,num_hidden_layers=1,num_attention_heads=2,intermediate_size=48"
    model = open_model(f"hf:vit@image_size=32,{small}", RANDOM)
    assert model.spec.input.size == (32, 32)
    assert "random weights: the answers mean nothing" in model.spec.notes
    assert "no such folder" in refused(f"hf:{tmp_path / 'missing'}")
    (tmp_path / "empty").mkdir()
    assert "no config.json in it" in refused(f"hf:{tmp_path / 'empty'}")
    assert "could not be fetched" in refused("hf:google/vit-base-patch16-224", ModelOptions())
    assert "has no image classifier" in refused("hf:bert")
