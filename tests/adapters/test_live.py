"""Modules as programs hold them: wrapped, compiled, of other types, training, in other modes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

import interp
from interp.errors import ModelError, UnsupportedError
from interp.network.plain_tensors import plain_tensors
from interp.spec import Capability, ModelOptions
from interp.target import Target
from interp_torch.opening import open_model

OPTIONS = ModelOptions(device="cpu", input={"size": (32, 32), "mean": (0, 0, 0), "std": (1, 1, 1)})


def network() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 3),
        ).eval()


def part_compiled(module: nn.Sequential) -> nn.Module:
    module[0] = torch.compile(module[0])
    return module


def compiled_in_place(module: nn.Sequential) -> nn.Module:
    module.compile()
    return module


def part_half(module: nn.Sequential) -> nn.Module:
    module[5].half()
    return module


FORMS: dict[str, tuple[Callable[[nn.Sequential], nn.Module], str]] = {
    "parallel": (nn.DataParallel, "without its DataParallel"),
    "averaged": (AveragedModel, "without its AveragedModel"),
    "compiled": (torch.compile, "without its OptimizedModule"),
    "both": (lambda m: torch.compile(nn.DataParallel(m)), "OptimizedModule and DataParallel"),
    "part compiled": (part_compiled, "the module is compiled; a copy"),
    "compiled in place": (compiled_in_place, "the module is compiled; a copy"),
    "half": (nn.Module.half, "the module is in float16; a copy in float32 is explained"),
    "bfloat16": (nn.Module.bfloat16, "the module is in bfloat16"),
    "double": (nn.Module.double, "the module is in float64"),
    "part half": (part_half, "the module is in float16"),
    "training": (nn.Module.train, ""),
}


@pytest.mark.parametrize("form", FORMS)
def test_live_modules(form: str) -> None:
    change, note = FORMS[form]
    plain, images = network(), torch.rand(2, 3, 32, 32)
    module = change(network())
    before = {name: each.clone() for name, each in module.state_dict().items()}
    flags = [each.training for each in module.modules()]
    model = open_model(module, OPTIONS)
    torch.testing.assert_close(model.predict(images), plain(images), rtol=0.01, atol=0.01)
    assert [each.name for each in model.layers()] == ["0", "1", "2", "3", "4", "5"]
    assert model.cut("2").layer.cut == "graph"
    assert model.gradient(images, [Target(0, "a")]).abs().sum() > 0
    assert note in " / ".join(model.spec.notes)
    for name, each in module.state_dict().items():
        assert each.dtype == before[name].dtype and torch.equal(each, before[name])
    assert [each.training for each in module.modules()] == flags


class Noisy(nn.Module):
    """Does more in train() than set a flag."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.noise = network(), 0.0

    def train(self, mode: bool = True) -> Noisy:
        self.noise = 9.0 if mode else 0.0
        return super().train(mode)

    def forward(self, image: Tensor) -> Tensor:
        return self.inner(image) + self.noise


class Stubborn(nn.Module):
    """Stays in training mode whatever is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.drop = network(), nn.Dropout(0.9)

    def train(self, mode: bool = True) -> Stubborn:
        return super().train(True)

    def forward(self, image: Tensor) -> Tensor:
        return self.drop(self.inner(image))


@pytest.mark.parametrize("kind", [Noisy, Stubborn])
def test_a_module_with_a_train_of_its_own(kind: type[nn.Module]) -> None:
    module, images = kind().train(), torch.rand(2, 3, 32, 32)
    module.inner.eval()
    flags = [each.training for each in module.modules()]
    model = open_model(module, OPTIONS)
    torch.testing.assert_close(model.predict(images), network()(images))
    assert [each.training for each in module.modules()] == flags and any(flags)
    assert getattr(module, "noise", 9.0) == 9.0


def test_a_module_that_cannot_be_copied() -> None:
    module = network().double()
    module.kept = torch.ones(1, requires_grad=True) * 2  # has a history
    with pytest.raises(ModelError, match=r"cannot be .*give it as model.float\(\).eval\(\)"):
        open_model(module, OPTIONS)


def test_lightning() -> None:
    lightning = pytest.importorskip("lightning")

    class Task(lightning.LightningModule):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = network()

        def forward(self, image: Tensor) -> Tensor:
            return self.model(image)

    model, images = open_model(Task(), OPTIONS), torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(model.predict(images), network()(images))
    assert {each.cut for each in model.layers()} == {"graph"}


def quietly(make: Callable[[], torch.jit.ScriptModule]) -> torch.jit.ScriptModule:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


@pytest.mark.parametrize("form", ["script", "trace", "freeze"])
def test_torchscript(form: str, tmp_path: Path) -> None:
    images = torch.rand(2, 3, 32, 32)
    make = {
        "script": lambda: torch.jit.script(network().train()),
        "trace": lambda: torch.jit.trace(network(), images),
        "freeze": lambda: torch.jit.freeze(torch.jit.script(network())),
    }[form]
    script = quietly(make)
    path = tmp_path / ("net.ts" if form == "trace" else "net.pt")
    quietly(lambda: script.save(path))
    for source in (str(path), script):
        model = open_model(source, OPTIONS)
        torch.testing.assert_close(model.predict(images), network()(images))
        assert model.gradient(images, [Target(0, "a")]).abs().sum() > 0
        assert model.capabilities == {Capability.PREDICT, Capability.GRADIENTS}
        assert model.layers() == []
        assert "a TorchScript program" in model.spec.notes[0]
        with pytest.raises(UnsupportedError, match="offers gradients, predict"):
            model.cut("0")
        with pytest.raises(UnsupportedError, match="offers gradients, predict"):
            model.activations(images, ["0"])
    other = tmp_path / "weights.pt"
    torch.save(network().state_dict(), other)
    with pytest.raises(ModelError, match=f"no TorchScript program; .* with --weights {other}"):
        open_model(str(other), OPTIONS)


METHODS = ("rise", "occlusion", "gradcam", "saliency", "integrated-gradients", "mint")
IMAGE = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def maps(module: nn.Module, method: str) -> np.ndarray:
    found = interp.explain(module, IMAGE, method=method, target=0, options=OPTIONS)
    return found.map()


@pytest.mark.parametrize("method", METHODS)
def test_in_inference_mode_and_with_float64_by_default(method: str) -> None:
    expected = maps(network(), method)
    with torch.inference_mode():
        np.testing.assert_allclose(maps(network(), method), expected, rtol=1e-4, atol=1e-6)
        assert torch.is_inference_mode_enabled()
    module = network()
    torch.set_default_dtype(torch.float64)
    try:
        np.testing.assert_allclose(maps(module, method), expected, rtol=1e-4, atol=1e-6)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_plain_tensors_leave_the_recording_of_gradients() -> None:
    with torch.no_grad(), plain_tensors():
        assert not torch.is_grad_enabled()
    with torch.inference_mode(), torch.enable_grad(), plain_tensors():
        assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
    with plain_tensors():
        assert torch.is_grad_enabled()


def test_gradients_of_an_open_model_in_inference_mode() -> None:
    with torch.inference_mode():
        images = torch.rand(1, 3, 32, 32)
        model = open_model(network(), OPTIONS)
        assert model.gradient(images, [Target(0, "a")]).abs().sum() > 0
        cut = model.cut("2")
        frontier = cut.prefix(images)
        assert cut.derivative(frontier, frontier.activation, [Target(0, "a")], "logit").shape
