"""Live modules as programs hold them: wrapped, of other types, in modes of torch's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.torch_default import set_default_device
from torch import Tensor, nn

import interp
from interp.errors import ModelError, UnsupportedError
from interp.spec import Capability, ModelOptions
from interp_torch.opening import open_model

OPTIONS = ModelOptions(input={"size": (32, 32), "mean": (0, 0, 0), "std": (1, 1, 1)})
IMAGE = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def make(dtype: torch.dtype = torch.float32) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    ).to(dtype)


@pytest.mark.parametrize("method", ["gradcam", "saliency", "occlusion"])
def test_inference_mode(method: str) -> None:
    expected = interp.explain(make(), IMAGE, method=method, options=OPTIONS).map()
    module = make()
    with torch.inference_mode():
        found = interp.explain(module, IMAGE, method=method, options=OPTIONS)
        made_here = interp.explain(make(), IMAGE, method=method, options=OPTIONS)
        assert torch.is_inference_mode_enabled()
    np.testing.assert_allclose(found.map(), expected, atol=1e-6)
    np.testing.assert_allclose(made_here.map(), expected, atol=1e-6)


@pytest.mark.parametrize("method", ["rise", "gradcam"])
def test_float64_as_the_default_type(method: str) -> None:
    expected = interp.explain(make(), IMAGE, method=method, options=OPTIONS).map()
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        found = interp.explain(make(torch.float32), IMAGE, method=method, options=OPTIONS)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(before)
    assert found.map().shape == expected.shape


def test_another_default_device() -> None:
    set_default_device("meta")
    try:
        with torch.device("cpu"):
            module = make()
        found = interp.explain(module, IMAGE, method="occlusion", options=OPTIONS)
        assert torch.get_default_device().type == "meta"
    finally:
        set_default_device(None)
    assert np.isfinite(found.map()).all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_weights_of_other_types_run_in_float32(dtype: torch.dtype) -> None:
    module = make(dtype)
    model = open_model(module, OPTIONS)
    assert model.predict(torch.rand(2, 3, 32, 32)).dtype == torch.float32
    assert next(module.parameters()).dtype == dtype


@pytest.mark.parametrize("wrapper", [nn.DataParallel, torch.compile])
def test_wrappers_are_taken_off_and_told(wrapper) -> None:
    module = make()
    model = open_model(wrapper(module), OPTIONS)
    assert any("explained without its" in each for each in model.spec.notes)
    assert "0" in {each.name for each in model.layers()}
    assert model.spec.fingerprint == open_model(module, OPTIONS).spec.fingerprint


class Merging(nn.Module):
    """Answers otherwise once train(False) was called, as modules that merge weights do."""

    def __init__(self) -> None:
        super().__init__()
        self.net = make()
        self.factor = 100.0

    def train(self, mode: bool = True) -> Merging:
        super().train(mode)
        self.factor = 100.0 if mode else 1.0
        return self

    def forward(self, image: Tensor) -> Tensor:
        return self.net(image) * self.factor


def test_a_module_that_does_more_in_train_is_switched_on_a_copy() -> None:
    module, images = Merging(), torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        expected = make()(images)
    torch.testing.assert_close(open_model(module, OPTIONS).predict(images), expected)
    assert module.training
    assert module.factor == 100.0


def test_a_torchscript_file(tmp_path) -> None:
    module, images = make().eval(), torch.rand(2, 3, 32, 32)
    path = tmp_path / "net.pt"
    torch.jit.save(torch.jit.trace(module, images), path)
    model = open_model(str(path), OPTIONS)
    with torch.no_grad():
        torch.testing.assert_close(model.predict(images), module(images))
    assert any("its layers cannot be read" in each for each in model.spec.notes)
    assert model.layers() == []
    assert {Capability.PREDICT, Capability.GRADIENTS} == model.capabilities
    assert interp.explain(str(path), IMAGE, method="saliency", options=OPTIONS).map().any()
    with pytest.raises(UnsupportedError, match="gradcam"):
        interp.explain(str(path), IMAGE, method="gradcam", options=OPTIONS)
    torch.save(module.state_dict(), path)
    with pytest.raises(ModelError, match=r"holds no TorchScript program.*--weights"):
        open_model(str(path), OPTIONS)
