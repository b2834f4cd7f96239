"""Opening sources: what each form gives, and one line for what cannot be opened."""

from __future__ import annotations

import builtins
import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from interp.errors import InterpError, ModelError
from interp.opening.source import ModelSource
from interp.spec import IMAGENET_MEAN, Capability, ModelOptions
from interp_torch.opening import open_model

FACTORY = """
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(3, 4, 3)
            self.fc = nn.Linear(4, 3)

        def forward(self, image):
            return self.fc(self.stem(image).mean((2, 3)))

    def build():
        return Net()

    def wrong():
        return [1]

    def broken():
        raise KeyError("no such size")
"""


@pytest.fixture
def factory(package) -> str:
    return package(FACTORY)


def refused(source: object, **options: object) -> str:
    """The one line that a bad source is answered with."""
    with pytest.raises(ModelError) as caught:
        open_model(source, ModelOptions(device="cpu", **options))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def trained(factory: str) -> dict[str, Tensor]:
    torch.manual_seed(1)
    return (sys.modules.get(factory) or __import__(factory)).build().state_dict()


@pytest.mark.parametrize("form", [".safetensors", ".pth", ".th", "wrapped", "parallel"])
def test_weights_of_a_factory(factory: str, form: str, tmp_path: Path) -> None:
    state = trained(factory)
    path = tmp_path / f"weights{form if form.startswith('.') else '.pt'}"
    if form == ".safetensors":
        save_file(state, path)
    elif form == "parallel":
        torch.save({"state_dict": {f"module.{name}": each for name, each in state.items()}}, path)
    else:
        torch.save({"state_dict": state, "epoch": 3} if form == "wrapped" else state, path)
    model = open_model(f"{factory}:build", ModelOptions(device="cpu", weights=str(path)))
    for name, each in model.module().state_dict().items():
        assert torch.equal(each, state[name])
    assert model.spec.source == f"{factory}:build"
    assert Capability.MODULE in model.capabilities


def test_weights_that_do_not_fit(factory: str, tmp_path: Path) -> None:
    state, path = trained(factory), tmp_path / "weights.safetensors"
    source = f"{factory}:build"
    assert "no weights file" in refused(source, weights=str(path))
    save_file({"stem.weight": state["stem.weight"], "extra": torch.ones(1)}, path)
    message = refused(source, weights=str(path))
    assert "missing stem.bias, fc.weight, fc.bias; unexpected extra" in message
    save_file({**state, "fc.bias": torch.ones(9)}, path)
    assert "size mismatch for fc.bias" in refused(source, weights=str(path))
    path.write_bytes(b"nothing")
    assert "no file of named tensors" in refused(source, weights=str(path))
    other = tmp_path / "weights.pth"
    torch.save([1, 2], other)
    assert "hold a list; expected named tensors" in refused(source, weights=str(other))


def test_bad_sources(factory: str, tmp_path: Path) -> None:
    assert "expected a torch.nn.Module" in refused(f"{factory}:wrong")
    assert "KeyError: 'no such size'" in refused(f"{factory}:broken")
    assert "cannot be called" in refused(f"{factory}:missing")
    assert "No module named" in refused("no_such_package_anywhere:build")
    assert "no model file" in refused(str(tmp_path / "missing.pt2"))
    (tmp_path / "broken.pt2").write_bytes(b"zip")
    assert "cannot be read as a torch.export file" in refused(str(tmp_path / "broken.pt2"))
    assert "no model.json in it" in refused(str(tmp_path))
    assert "give package.module:factory with --weights" in refused("weights.pth")
    assert "expected torchvision:NAME" in refused("resnet")


class Fixed(nn.Module):
    """Answers what it was made with."""

    def __init__(self, answer: object) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, image: Tensor) -> object:
        if self.answer == "fail":
            return image.view(7)
        return self.answer


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (torch.full((2, 3), torch.nan), "answers NaN or infinity"),
        (torch.rand(2, 3, 4), r"answers (2, 3, 4) to 2 images; expected scores (2, classes)"),
        (torch.rand(1, 3), "answers (1, 3) to 2 images"),
        ({"out": torch.rand(2, 3, 4)}, "answers dict with out (2, 3, 4) to 2 images"),
        ("fail", "fails on images of 224x224"),
    ],
)
def test_models_that_do_not_answer_scores(answer: object, message: str) -> None:
    assert message in refused(Fixed(answer))


def test_devices() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ModelError, match="unknown device 'gpu'"):
        open_model(model, ModelOptions(device="gpu"))
    with pytest.raises(ModelError, match="is not there"):
        open_model(model, ModelOptions(device="cuda:63"))
    assert open_model(model).spec.device == "cpu"  # where it is, not moved


def test_guesses_are_told_with_their_remedy(factory: str) -> None:
    model = open_model(f"{factory}:build", ModelOptions(device="cpu"))
    assert model.spec.input.mean == IMAGENET_MEAN
    notes = " / ".join(model.spec.notes)
    assert "no normalisation given; assumed ImageNet mean and std; set with --input mean=" in notes
    assert "no input size given" in notes
    assert "--classes FILE" in notes
    assert model.spec.classes == ("class 0", "class 1", "class 2")


def test_sidecar_and_options_over_it(factory: str, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_file(trained(factory), path)
    sidecar = tmp_path / "net.safetensors.interp.yaml"
    sidecar.write_text(
        "input: {size: [32, 24], mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], order: BGR}\n"
        "classes: [cat, dog, bird]\nactivation: sigmoid\n"
    )
    options = ModelOptions(device="cpu", weights=str(path), input={"order": "RGB"})
    spec = open_model(f"{factory}:build", options).spec
    assert (spec.input.size, spec.input.order, spec.input.mean[0]) == ((32, 24), "RGB", 0.5)
    assert (spec.classes, spec.activation, spec.notes) == (("cat", "dog", "bird"), "sigmoid", ())
    raised = options.model_copy(update={"activation": "softmax"})
    assert open_model(f"{factory}:build", raised).spec.activation == "softmax"
    sidecar.write_text("input: {sise: [32, 24]}\n")
    message = refused(f"{factory}:build", weights=str(path))
    assert "'size'" in message and "sise" in message
    sidecar.write_text("inputs: {}\n")
    assert "net.safetensors.interp.yaml" in refused(f"{factory}:build", weights=str(path))
    sidecar.write_text("input: [\n")
    assert "YAML" in refused(f"{factory}:build", weights=str(path))
    assert "std above 0" in refused(f"{factory}:build", input={"std": (0, 1, 1)})


def test_class_names_beside_the_weights(factory: str, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_file(trained(factory), path)
    options = ModelOptions(device="cpu", weights=str(path))
    (tmp_path / "classes.tsv").write_text('index\twnid\tname\n1\tb\tdog\n0\ta\tcat\n2\tc\t"bird\n')
    spec = open_model(f"{factory}:build", options).spec
    assert spec.classes == ("cat", "dog", '"bird')
    assert "class names taken from classes.tsv beside the model" in spec.notes
    (tmp_path / "classes.txt").write_text("one\ntwo\n")  # another count: not meant
    assert open_model(f"{factory}:build", options).spec.classes[0] == "cat"
    given = options.model_copy(update={"classes": str(tmp_path / "classes.txt")})
    with pytest.raises(ModelError, match="names 2 classes; the model has 3 outputs"):
        open_model(f"{factory}:build", given)


def test_fingerprint_is_of_the_weights_alone(factory: str) -> None:
    module = __import__(factory).build()
    first = open_model(module).spec.fingerprint
    assert open_model(module).spec.fingerprint == first
    assert open_model(module.to(memory_format=torch.channels_last)).spec.fingerprint == first
    with torch.no_grad():
        module.fc.bias[0] += 1e-6
    assert open_model(module).spec.fingerprint != first


def test_torchvision_random_weights_leave_the_global_seed() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    options = ModelOptions(device="cpu", weights="random", input={"size": (64, 64)})
    model = open_model("torchvision:resnet18", options)
    assert torch.equal(torch.rand(1), expected)
    again = open_model("torchvision:resnet18", options)
    assert again.spec.fingerprint == model.spec.fingerprint
    assert model.spec.classes[:2] == ("tench", "goldfish")
    assert model.spec.input.resize == "crop"
    assert model.spec.input.crop == pytest.approx(224 / 256)
    assert "random weights" in model.spec.notes[0]


def test_torchvision_weights_from_a_file(tmp_path: Path) -> None:
    from torchvision.models import get_model

    module = get_model("squeezenet1_1", weights=None)
    torch.save(module.state_dict(), tmp_path / "net.pth")
    options = ModelOptions(device="cpu", weights=str(tmp_path / "net.pth"))
    model = open_model("torchvision:squeezenet1_1", options)
    assert model.spec.fingerprint == open_model(module).spec.fingerprint
    assert "did you mean 'squeezenet1_1'" in refused("torchvision:squeezenet11")


def test_torchvision_weights_that_cannot_be_fetched(monkeypatch) -> None:
    from torchvision import models

    def fail(name: str, weights: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(models, "get_model", fail)
    message = refused("torchvision:resnet18")
    assert "could not be fetched (no route to host); give a file with --weights FILE" in message


def test_torchvision_of_another_build(monkeypatch) -> None:
    real = builtins.__import__

    def broken(name: str, *rest: object, **named: object) -> object:
        if name == "torchvision":
            raise RuntimeError("operator torchvision::nms does not exist")
        return real(name, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", broken)
    message = refused("torchvision:resnet18")
    assert "does not fit this torch" in message
    assert "pip install --force-reinstall torch torchvision" in message


class Halved(nn.Module):
    """What the toy builder makes: the base, its scores scaled by a learned factor."""

    def __init__(self, base: nn.Module, factor: float) -> None:
        super().__init__()
        self.base = base
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, image: Tensor) -> Tensor:
        return self.base(image) * self.factor


def build_halved(module: nn.Module, params: dict[str, object]) -> nn.Module:
    return Halved(module, float(params["factor"]))  # type: ignore[arg-type]


def look_up(kind: str, name: str) -> object:
    return {("builder", "halved"): build_halved}[kind, name]


def test_a_derived_model_is_saved_and_opened_again(factory: str, tmp_path: Path) -> None:
    save_file(trained(factory), tmp_path / "net.safetensors")
    (tmp_path / "classes.txt").write_text("cat\ndog\nbird\n")
    options = ModelOptions(
        device="cpu", weights=str(tmp_path / "net.safetensors"), input={"size": (20, 20)}
    )
    base = open_model(f"{factory}:build", options)
    derived = base.adopt(build_halved(base.module(), {"factor": 0.25}), "halved", {"factor": 0.25})
    images = torch.rand(2, 3, 20, 20)
    torch.testing.assert_close(derived.predict(images), base.predict(images) / 4)
    folder = derived.save_model(tmp_path / "deep" / "halved")
    files = sorted(each.name for each in folder.iterdir())
    assert files == ["manifest.json", "model.json", "weights.safetensors"]
    assert list(folder.parent.iterdir()) == [folder]
    opened = open_model(str(folder), ModelOptions(device="cpu"), look_up)
    torch.testing.assert_close(opened.predict(images), derived.predict(images))
    assert opened.spec.classes == ("cat", "dog", "bird")
    assert opened.spec.input == base.spec.input
    assert opened.spec.fingerprint == derived.spec.fingerprint != base.spec.fingerprint
    assert opened.cut("base.stem").layer.cut == "graph"
    recipe = json.loads((folder / "model.json").read_text())
    assert (recipe["builder"], recipe["params"]) == ("halved", {"factor": 0.25})


def test_a_derived_model_of_a_registered_one(factory: str, tmp_path: Path) -> None:
    registered = ModelSource(f"{factory}:build", ModelOptions(input={"size": (20, 20)}))
    options = ModelOptions(device="cpu", input={"size": (20, 20), "mean": (0, 0, 0)})
    save_file(trained(factory), tmp_path / "net.safetensors")
    weights = {"weights": str(tmp_path / "net.safetensors")}
    registered = ModelSource(registered.source, registered.options.model_copy(update=weights))
    base = open_model(registered.source, options.model_copy(update=weights))
    base.spec = base.spec.model_copy(update={"name": "small", "source": "small"})
    derived = base.adopt(build_halved(base.module(), {"factor": 1}), "halved", {"factor": 1})
    folder = derived.save_model(tmp_path / "halved")
    assert str(tmp_path) not in (folder / "model.json").read_text()

    def find(kind: str, name: str) -> object:
        return registered if (kind, name) == ("model", "small") else look_up(kind, name)

    opened = open_model(str(folder), ModelOptions(device="cpu"), find)
    images = torch.rand(2, 3, 20, 20)
    torch.testing.assert_close(opened.predict(images), derived.predict(images))
    again = derived.adopt(build_halved(derived.module(), {"factor": 2}), "halved", {"factor": 2})
    saved = again.save_model(tmp_path / "nested")
    nested = open_model(str(saved), ModelOptions(device="cpu"), find)
    torch.testing.assert_close(nested.predict(images), again.predict(images))


def test_derived_models_that_cannot_be_saved_or_opened(factory: str, tmp_path: Path) -> None:
    base = open_model(f"{factory}:build", ModelOptions(device="cpu"))
    derived = base.adopt(build_halved(base.module(), {"factor": 1}), "halved", {"factor": 1})
    folder = derived.save_model(tmp_path / "halved")
    with pytest.raises(InterpError, match="exists and is not empty"):
        derived.save_model(folder)
    with pytest.raises(InterpError, match="not made by a builder"):
        base.save_model(tmp_path / "base")
    live = open_model(base.module())
    adopted = live.adopt(build_halved(live.module(), {"factor": 1}), "halved", {"factor": 1})
    with pytest.raises(InterpError, match="nothing opens it again"):
        adopted.save_model(tmp_path / "live")
    assert "needs the builder 'halved'" in refused(str(folder))
    assert "leave out --weights" in refused(str(folder), weights="net.pth")
    (folder / "model.json").write_text('{"base": "x", "builder": "halved", "parms": {}}')
    with pytest.raises(InterpError, match="was altered since it was written"):
        open_model(str(folder), ModelOptions(device="cpu"), look_up)
    (folder / "manifest.json").unlink()  # as folders were written before
    with pytest.raises(ModelError, match="parms"):
        open_model(str(folder), ModelOptions(device="cpu"), look_up)


def test_modules_without_weights_are_told_apart() -> None:
    found = set()
    for kind in (nn.Sigmoid, nn.Tanh):
        module = nn.Sequential(nn.AdaptiveAvgPool2d(1), kind(), nn.Flatten()).eval()
        found.add(open_model(module, ModelOptions(input={"size": (8, 8)})).spec.fingerprint)
    assert len(found) == 2
