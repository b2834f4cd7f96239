"""A PyTorch model written as ONNX: complete, checked, all or nothing."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper
from torch import Tensor, nn
from torch.nn import functional

from interp.cli import main
from interp.errors import InputError, InterpError, ModelError, UnsupportedError
from interp.knowledge import Knowledge
from interp.opening.export import Export, export_model
from interp.opening.source import open_model as open_source
from interp.registry import Registry
from interp.spec import ModelOptions
from interp.storage.folder import new_file
from interp.storage.model_card import KNOWN
from interp_onnx import file
from interp_onnx.opening import open_model
from interp_torch.opening import open_model as open_module

SIZE = 16
INPUT = {
    "size": (SIZE, SIZE + 4),
    "mean": (0.4, 0.5, 0.6),
    "std": (0.2, 0.3, 0.4),
    "order": "BGR",
    "resize": "letterbox",
}


BUILDER = """
    from interp.hookspecs import hookimpl

    def build(module, params):
        from torch import nn
        return nn.Sequential(module, nn.Softsign())

    @hookimpl
    def interp_register(registrar):
        registrar.add("builder", "bounded", build)
"""
BUILT = """
    entries:
      - {kind: builder, name: bounded, package: NAME, summary: Scores between -1 and 1}
"""


class Plain(nn.Module):
    """A normalisation that is folded, and a dropout that does nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3)
        self.norm = nn.BatchNorm2d(6)
        self.act = nn.ReLU()
        self.drop = nn.Dropout()
        self.fc = nn.Linear(6, 4)

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.act(self.norm(self.stem(image)))
        return self.fc(self.drop(hidden.mean((2, 3))))


class Chances(Plain):
    """Answers probabilities."""

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image).softmax(1)


class Deciding(Plain):
    """Takes a path by the values it sees."""

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image) * (2 if float(image.std()) > 0.05 else 1)


def seeded(kind: type[nn.Module] = Plain, seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = kind()
        for name, each in module.named_buffers():
            if "running" in name:
                each.add_(torch.rand_like(each))
        return module


def factory() -> nn.Module:
    """What `test_export:factory` opens."""
    return seeded()


def export(source: object, path: Path, **given: Any) -> Export:
    options = ModelOptions(**{"device": "cpu", "input": INPUT, **given})
    return export_model(source, path, options, Registry.load())


@pytest.fixture
def names(tmp_path: Path) -> str:
    """A file of four class names."""
    path = tmp_path / "names.txt"
    path.write_text("ant\nbee\ncat\ndog\n")
    return str(path)


def test_opens_with_nothing_left_to_guess(tmp_path: Path, names: str) -> None:
    module = seeded()
    made = export(module, tmp_path / "out" / "net.onnx", activation="sigmoid", classes=names)
    assert made.path == tmp_path / "out" / "net.onnx"
    assert made.kept == ("norm", "act", "fc")
    assert [(each.name, each.kind) for each in made.lost] == [
        ("stem", "Conv2d"),
        ("drop", "Dropout"),
    ]
    assert 0 <= made.difference <= 1e-5
    assert [each.name for each in made.path.parent.iterdir()] == ["net.onnx"]
    found = open_model(str(made.path), ModelOptions(device="cpu"))
    options = ModelOptions(device="cpu", input=INPUT, activation="sigmoid", classes=names)
    expected = open_module(module, options)
    assert found.spec.notes == ()
    for fact in ("input", "activation", "classes"):
        assert getattr(found.spec, fact) == getattr(expected.spec, fact)
    assert found.spec.origin == expected.spec.fingerprint
    images = torch.rand(3, 3, 20, 30)
    torch.testing.assert_close(found.predict(images), expected.predict(images))
    assert module.training and all(each.training for each in module.modules())


def test_sidecar_and_options_stand_above_what_the_file_says(tmp_path: Path, names: str) -> None:
    path = export(seeded(), tmp_path / "net.onnx", classes=names).path
    beside = "activation: sigmoid\nclasses: [a, b, c, d]\ninput: {order: RGB, mean: [0, 0, 0]}\n"
    (tmp_path / "net.onnx.interp.yaml").write_text(beside)
    spec = open_model(str(path), ModelOptions(device="cpu", input={"mean": (1, 1, 1)})).spec
    assert (spec.activation, spec.classes) == ("sigmoid", ("a", "b", "c", "d"))
    assert (spec.input.order, spec.input.mean) == ("RGB", (1, 1, 1))
    assert (spec.input.std, spec.input.resize) == (INPUT["std"], "letterbox")


def test_probabilities_stay_probabilities(tmp_path: Path) -> None:
    module = seeded(Chances)
    path = export(module, tmp_path / "net.onnx").path
    found = open_model(str(path), ModelOptions(device="cpu"))
    expected = open_module(module, ModelOptions(device="cpu", input=INPUT))
    assert found.spec.activation == "none"
    scores = expected.predict(torch.rand(2, 3, SIZE, SIZE))
    for output in ("logit", "prob", "logprob"):
        left, right = (each.probabilities(scores, output) for each in (found, expected))
        assert torch.equal(left, right)
    torch.testing.assert_close(found.probabilities(scores, "logit").softmax(1), scores)


def test_exported_programs_and_factories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parent)
    images = torch.rand(2, 3, SIZE, SIZE + 4)
    free = ({0: torch.export.Dim.DYNAMIC},)
    program = torch.export.export(seeded().eval(), (images,), dynamic_shapes=free)
    torch.export.save(program, tmp_path / "net.pt2")
    for source in (str(tmp_path / "net.pt2"), "test_export:factory"):
        made = export(source, tmp_path / f"{len(source)}.onnx")
        assert made.kept == ("norm", "act", "fc"), source


def test_derived_models(tmp_path: Path, package: Any) -> None:
    """A folder of base, builder and weights goes to one file."""
    package(BUILDER, BUILT, installed=True)
    base = open_source("creatures-vgg", ModelOptions(device="cpu"), Registry.load())
    wrapped = nn.Sequential(copy.deepcopy(base.module()), nn.Softsign())
    folder = base.adopt(wrapped, "bounded", {}).save_model(tmp_path / "folder")  # type: ignore[attr-defined]
    made = export_model(str(folder), tmp_path / "net.onnx", ModelOptions(), Registry.load())
    found = open_model(str(made.path), ModelOptions(device="cpu"))
    assert "0.stage3" in made.kept
    assert (found.spec.classes, found.spec.notes) == (base.spec.classes, ())
    images = torch.rand(2, 3, *base.spec.input.size)
    torch.testing.assert_close(
        found.predict(images), functional.softsign(base.predict(images)), rtol=1e-4, atol=1e-4
    )


def test_knowledge_of_the_model_works_on_its_export(tmp_path: Path) -> None:
    model, other = (
        open_module(seeded(seed=seed), ModelOptions(device="cpu", input=INPUT)) for seed in (0, 1)
    )
    knowledge = Knowledge.of("mine", model, {"weights": np.ones(2, np.float32)})
    path = export(seeded(), tmp_path / "net.onnx").path
    found = open_model(str(path), ModelOptions(device="cpu"))
    knowledge.check("mine", found)
    with pytest.raises(InputError, match="learned of another model"):
        Knowledge.of("mine", other, {}).check("mine", found)


def test_a_changed_export_is_not_its_origin(tmp_path: Path) -> None:
    model = open_module(seeded(), ModelOptions(device="cpu", input=INPUT))
    path = export(seeded(), tmp_path / "net.onnx").path
    changed = onnx.load(path)
    bias = next(each for each in changed.graph.initializer if each.name == "fc.bias")
    value = onnx.numpy_helper.to_array(bias) + 1
    bias.CopyFrom(onnx.numpy_helper.from_array(value, bias.name))
    onnx.save(changed, path)
    with pytest.raises(InputError, match="its scores differ by"):
        Knowledge.of("mine", model, {}).check("mine", open_model(str(path)))


def refused(source: object, path: Path, kind: type[InterpError], **given: Any) -> str:
    """The one line of an export that fails; nothing is left behind."""
    before = sorted(path.parent.iterdir())
    with pytest.raises(kind) as caught:
        export(source, path, **given)
    assert sorted(path.parent.iterdir()) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_refusals(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    taken = tmp_path / "taken.onnx"
    taken.write_text("precious")
    assert "exists" in refused(seeded(), taken, InputError)
    assert taken.read_text() == "precious"
    assert "ends in .onnx" in refused(seeded(), tmp_path / "net.pt", InputError)
    new = tmp_path / "new.onnx"
    assert "cannot follow it: Could not guard" in refused(seeded(Deciding), new, ModelError)
    assert "open it in fp32" in refused(seeded(), new, UnsupportedError, precision="bf16")
    made = export(seeded(), tmp_path / "made.onnx").path
    assert "PyTorch models can" in refused(str(made), new, UnsupportedError, input={})
    assert capfd.readouterr() == ("", "")


def test_a_file_that_answers_otherwise_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from interp_torch import adapter

    def other(model: Any, path: Path) -> None:
        different = open_module(seeded(seed=1), ModelOptions(device="cpu", input=INPUT))
        write(different, path)

    write = adapter.TorchAdapter.export
    monkeypatch.setattr(adapter.TorchAdapter, "export", other)
    message = refused(seeded(), tmp_path / "net.onnx", ModelError)
    assert "answers otherwise: scores differ by" in message


def test_weights_kept_apart_move_with_the_file(tmp_path: Path) -> None:
    def write(name: str) -> None:
        with new_file(tmp_path / name) as place:
            place.write_text("model")
            place.with_name("weights").write_text("weights")

    write("one")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["one", "weights"]
    with pytest.raises(InputError, match="weights exists"):
        write("two")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["one", "weights"]


def test_more_weights_than_onnxruntime_takes(
    tmp_path: Path, small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "LIMIT", 400)
    external = {"save_as_external_data": True, "size_threshold": 0, "location": "weights.bin"}
    onnx.save(small(), tmp_path / "model.onnx", **external)
    with pytest.raises(ModelError, match="GB of weights; expected less than 2 GB"):
        open_model(str(tmp_path / "model.onnx"), ModelOptions(device="cpu"))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("no json", "cannot be read"),
        ('{"classes": "names.txt"}', "expected their list"),
        ('{"clases": []}', "did you mean 'classes'"),
        ('{"input": {"men": 3}}', "did you mean 'mean'"),
    ],
)
def test_slips_in_the_metadata(tmp_path: Path, small: Any, said: str, message: str) -> None:
    model = small()
    helper.set_model_props(model, {KNOWN: said})
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(ModelError, match=message):
        open_model(str(tmp_path / "model.onnx"), ModelOptions(device="cpu"))


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "vgg.onnx"
    assert main(["export", "creatures-vgg", "--out", str(path), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["path"] == str(path) and facts["difference"] < 1e-5
    assert {each["kind"] for each in facts["lost"]} == {"Conv2d"}
    assert main(["predict", "--model", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["predictions"][0]
    assert main(["predict", "--json"]) == 0
    assert found["classes"] == json.loads(capsys.readouterr().out)["predictions"][0]["classes"]
    assert main(["export", "creatures-vgg", "--out", str(path)]) == 2
    assert "exists" in capsys.readouterr().err
