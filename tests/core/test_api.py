"""The Python front: any model, image and data set; nothing is done where the call is wrong."""

from __future__ import annotations

import inspect
import pydoc
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from support.onnx_file import mean_colour

import interp
from interp.comparison.result import Comparison
from interp.context import Budget
from interp.dataset import Dataset, Example, ImageArrays, Instance
from interp.errors import Cancelled, InputError, ModelError, UnsupportedError
from interp.evaluation.folder import open_evaluation
from interp.knowledge import Knowledge
from interp.registry import Registry
from interp.result.bundle import open_bundle
from interp.session import Session
from interp.spec import ModelOptions
from interp.testing import ToyModel

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "example_plugin/src/interp_example/registry.yaml"
GRID = {"occlude-grid": {"cells": 4}}
OPTIONS = ModelOptions(input={"size": [24, 24], "mean": [0, 0, 0], "std": [1, 1, 1]}, device="cpu")
PIXELS = np.full((30, 40, 3), 40, np.uint8)
PIXELS[:10, :12] = (250, 30, 30)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """The built-in registry, the example package and the probe package."""
    monkeypatch.syspath_prepend(HERE / "plugin")
    return Registry.load([EXAMPLE, HERE / "plugin" / "registry.yaml"])


@pytest.fixture
def module() -> torch.nn.Module:
    """The mean of each colour."""
    return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()).eval()


@pytest.fixture
def file(tmp_path) -> Path:
    """The same as an ONNX file."""
    onnx.save(mean_colour(), tmp_path / "colour.onnx")
    return tmp_path / "colour.onnx"


def test_any_image_on_any_model(module, file, registry, tmp_path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "photo.png")
    maps = []
    for model in (module, str(file), file):
        for image in (PIXELS, Image.fromarray(PIXELS), tmp_path / "photo.png"):
            found = interp.explain(
                model,
                image,
                method="occlude-grid",
                target=0,
                params=GRID["occlude-grid"],
                options=OPTIONS,
                registry=registry,
            )
            maps.append(found.map())
    assert found.provenance.image_names == (str(tmp_path / "photo.png"),)
    for each in maps[1:]:
        np.testing.assert_allclose(each, maps[0], atol=1e-6)
    assert maps[0][:7, :9].min() > maps[0][12:, 20:].max()  # the red corner speaks for red


def test_compare_and_rerun_of_a_live_module(module, registry, tmp_path) -> None:
    found = interp.compare(
        module,
        [PIXELS, PIXELS[::-1].copy()],
        methods={**GRID, "captum-occlusion": {}},
        target=["class 0", "class 0, not class 1"],
        options=OPTIONS,
        budget=Budget(samples=50),
        out=tmp_path / "c",
        registry=registry,
    )
    assert [each.name for each in found.records] == ["image 0", "image 1"]
    assert all(each.error is None for record in found.records for each in record.outcomes)
    assert Comparison.open(tmp_path / "c").request.methods[0].params == {"cells": 4}
    with pytest.raises(InputError, match="live object"):
        interp.rerun(tmp_path / "c", registry=registry)
    assert interp.rerun(tmp_path / "c", model=module, registry=registry).same


def test_a_method_that_the_model_cannot_run_stands_in_its_cell(file, registry) -> None:
    found = interp.compare(
        file,
        PIXELS,
        methods=["deeplift", "occlude-grid"],
        options=OPTIONS,
        registry=registry,
    )
    refused, fine = found.records[0].outcomes
    assert "needs MODULE" in refused.error and fine.error is None


def test_what_is_no_image_is_told(module, registry) -> None:
    for image in (3, -PIXELS.astype(float), [PIXELS, None]):
        with pytest.raises(InputError, match=r"expected (a|\[0, 1\])"):
            interp.explain(module, image, method="occlude-grid", registry=registry)


def test_notes_on_images_reach_every_result(module, registry, tmp_path) -> None:
    """What was assumed in reading an image is in explanations, comparisons and evaluations."""
    narrow = np.tile(np.linspace(0, 4095, 32).astype(np.uint16), (32, 1))
    for name in ("ant", "bee"):
        (tmp_path / "deep" / name).mkdir(parents=True)
        Image.fromarray(narrow).save(tmp_path / "deep" / name / "a.png")
    file, said = tmp_path / "deep/ant/a.png", "values reach 4095 of 65535"
    call = {"options": OPTIONS, "registry": registry}
    for given in (file, Image.open(file), narrow):
        found = interp.explain(module, given, method="occlude-grid", **call)
        assert found.notes[0].startswith(said)
    found = interp.explain(module, [PIXELS, file], method="occlude-grid", **call)
    assert found.notes[0].startswith(f"image 1: {said}")
    compared = interp.compare(module, file, methods=GRID, **call)
    assert f"{file}: {said}" in compared.notes[0]
    saved = interp.compare(module, [file], methods=GRID, out=tmp_path / "out", **call)
    assert saved.notes == compared.notes == Comparison.open(tmp_path / "out").notes
    assert said in (tmp_path / "out/report.html").read_text()
    measured = interp.evaluate(
        ToyModel(), tmp_path / "deep", methods=["tiles"], metrics=["deletion"], registry=registry
    )
    assert any(f"a, a: {said}" in note for note in measured.notes())


def test_an_integer_is_an_index_whatever_the_classes_are_called(module, registry, tmp_path) -> None:
    (tmp_path / "names.txt").write_text("\ufeff1\n2\n3\n", encoding="utf-8")
    options = OPTIONS.model_copy(update={"classes": str(tmp_path / "names.txt")})

    def explained(target: object) -> tuple[str, ...]:
        found = interp.explain(
            module, PIXELS, method="occlude-grid", target=target, options=options, registry=registry
        )
        return found.provenance.targets

    for index in (1, np.int64(1), torch.tensor(1), [1], np.array([1])):
        assert explained(index) == ("2",)
    assert explained("1") == ("1",) and explained(["2", 2]) == ("2", "3")
    assert explained("1, not 3") == ("1, not 3",)
    for wrong, words in (
        (3, "out of range"),
        (1.5, "found a target of float"),
        ("four", "unknown"),
    ):
        with pytest.raises(InputError, match=words):
            explained(wrong)


def test_nothing_heavy_is_imported_at_once() -> None:
    code = (
        "import sys, interp; sys.exit(sum(m in sys.modules for m in ('torch', 'numpy', 'jinja2')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        interp.nothing  # noqa: B018


class Counting(ToyModel):
    """A model that counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def predict(self, images: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return super().predict(images)


class Squares(Dataset):
    """Bright squares on noise, of the toy model's classes in turn."""

    classes = ("ant", "bee", "cat")
    fingerprint = "squares"

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Example:
        if index >= 3:
            raise IndexError(index)
        image = np.random.default_rng(index).integers(0, 90, (32, 32, 3), np.uint8)
        mask = np.zeros((32, 32), bool)
        mask[8:20, 4 + index : 16 + index] = True
        image[mask] = 250
        return Example(f"square {index}", image, index, (Instance(index, (4, 8, 16, 20), mask),))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A class folder of the same images."""
    for example in Squares():
        folder = tmp_path / "photos" / Squares.classes[example.label or 0]
        folder.mkdir(parents=True)
        Image.fromarray(example.image).save(folder / f"{example.name}.png")
    return tmp_path / "photos"


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """A folder with somebody's work in it."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    return tmp_path / "full"


def saved(model: object, folder: Path, registry: Registry) -> Path:
    """A bundle to repeat."""
    interp.explain(model, PIXELS, method="tiles", out=folder, registry=registry)
    return folder


CALLS: dict[str, Callable[..., object]] = {
    "explain": lambda model, **more: interp.explain(model, PIXELS, method="tiles", **more),
    "compare": lambda model, **more: interp.compare(model, PIXELS, methods=["tiles"], **more),
    "evaluate": lambda model, **more: interp.evaluate(model, Squares(), methods=["tiles"], **more),
    "fit": lambda model, **more: interp.fit(model, Squares(), method="learner", **more),
    "survey": lambda model, **more: interp.survey(model, Squares(), method="learner", **more),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_folder_that_is_not_empty_is_refused_before_any_work(name, full, registry) -> None:
    model = Counting()
    with pytest.raises(InputError, match=r"not empty|something else"):
        CALLS[name](model, out=full, registry=registry)
    assert model.calls == 0
    assert [each.name for each in full.iterdir()] == ["thesis.txt"]
    assert [each.name for each in full.parent.iterdir()] == ["full"]
    # nor is the model opened, nor anything else looked up
    with pytest.raises(InputError, match=r"not empty|something else"):
        CALLS[name]("nonsense", out=full, registry=registry)


def test_a_rerun_into_a_folder_that_is_not_empty_is_refused(full, registry, tmp_path) -> None:
    before = saved(ToyModel(), tmp_path / "before", registry)
    model = Counting()
    with pytest.raises(InputError, match="not empty"):
        interp.rerun(before, model=model, out=full, registry=registry)
    assert model.calls == 0
    again = interp.rerun(before, model=model, out=tmp_path / "again", registry=registry)
    assert again.same and model.calls > 0 and (tmp_path / "again" / "manifest.json").is_file()


def test_out_saves_what_is_returned(registry, tmp_path) -> None:
    for name, call in CALLS.items():
        found = call(ToyModel(), out=tmp_path / name, registry=registry)
        assert (tmp_path / name / "manifest.json").is_file(), name
        assert not (tmp_path / f"{name}.partial").exists()
        if name == "fit":
            assert Knowledge.open(tmp_path / name).about == found.about == {"images": 3}
        elif name == "evaluate":
            assert open_evaluation(tmp_path / name).plain() == found.plain()
        elif name in ("explain", "survey"):
            opened = open_bundle(tmp_path / name)[1]
            assert opened.evidence[0].plain() == found.evidence[0].plain()
    assert (tmp_path / "compare" / "report.html").is_file()


def test_the_same_comparison_goes_on_in_its_folder(registry, tmp_path) -> None:
    first, second = Counting(), Counting()
    for model in (first, second):
        found = CALLS["compare"](model, out=tmp_path / "c", registry=registry)
    assert isinstance(found, Comparison) and len(found.records) == 1
    assert second.calls == 0 < first.calls


def test_fit_then_explain_and_survey(registry, photos, tmp_path) -> None:
    mean = float(np.stack([each.image for each in Squares()]).mean())
    for number, data in enumerate((Squares(), photos, str(photos))):
        folder = tmp_path / f"known-{number}"
        found = interp.fit(ToyModel(), data, method="learner", out=folder, registry=registry)
        assert float(found.arrays["mean"].mean()) == pytest.approx(mean)
        options = {"method": "learner", "knowledge": folder, "registry": registry}
        assert interp.explain(ToyModel(), PIXELS, **options).map().mean() == pytest.approx(mean)
        rows = interp.survey(ToyModel(), data, **options).named("levels").rows
        assert len(rows) == 4 and rows[-1] == ["learned", pytest.approx(mean)]
    with pytest.raises(InputError, match="another model"):
        interp.explain(ToyModel(seed=1), PIXELS, **options)


def test_a_registered_data_set_is_taken_by_name(registry, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("interp.opening.images.COUNT", 2)
    found = interp.fit(ToyModel(), "creatures", method="learner", registry=registry)
    assert found.about == {"images": 2}
    table = interp.survey(ToyModel(), "creatures", method="learner", registry=registry)
    assert len(table.named("levels").rows) == 2
    Path("creatures").mkdir()  # a folder of that name comes first
    Image.fromarray(PIXELS).save("creatures/one.png")
    found = interp.fit(ToyModel(), "creatures", method="learner", registry=registry)
    assert found.about == {"images": 1}


def test_evaluate_on_a_data_set_a_folder_and_a_registered_name(registry, photos) -> None:
    metrics = {"deletion": {"steps": 10}}
    found = [
        interp.evaluate(
            ToyModel(),
            data,
            methods=["tiles"],
            metrics=metrics,
            limit=2,
            registry=registry,
            budget=Budget(batch_size=8),  # float32 answers differ in a bit with the batch's size
        )
        for data in (Squares(), photos)
    ]
    assert [len(each.records) for each in found] == [2, 2]
    assert found[0].table["deletion"] == found[1].table["deletion"]
    assert "tiles" in found[0].table["deletion"]
    named = interp.evaluate(
        "creatures-vgg",
        "creatures",
        methods={"tiles": {"cells": 2}},
        metrics=["pointing"],
        limit=1,
        budget=Budget(samples=20),
        registry=registry,
    )
    assert named.request.data == "creatures" and len(named.records) == 1
    assert named.request.methods[0].params == {"cells": 2}


def test_data_that_cannot_be_found_are_told(registry, tmp_path) -> None:
    for name in ("fit", "survey"):
        with pytest.raises(InputError, match="no folder nowhere"):
            getattr(interp, name)(ToyModel(), "nowhere", method="learner", registry=registry)
    with pytest.raises(UnsupportedError, match=r"^tiles has nothing to learn"):
        interp.fit(ToyModel(), Squares(), method="tiles", registry=registry)
    with pytest.raises(UnsupportedError, match=r"^tiles has no class-level view"):
        interp.survey(ToyModel(), Squares(), method="tiles", registry=registry)


def test_open_model_opens_once_for_many_calls(module, file, registry) -> None:
    opened = interp.open_model(module, options=OPTIONS, registry=registry)
    assert opened.spec.input.size == (24, 24)
    assert interp.open_model(opened) is opened
    assert interp.open_model(file, options=OPTIONS).spec.source == str(file)
    maps = [
        interp.explain(each, PIXELS, method="occlude-grid", options=OPTIONS, registry=registry)
        for each in (opened, module)
    ]
    np.testing.assert_array_equal(maps[0].map(), maps[1].map())
    with pytest.raises(ModelError, match="did you mean 'creatures-vgg'"):
        interp.open_model("creature-vgg")


def test_methods_are_listed_with_what_they_show(registry) -> None:
    assert interp.methods(registry)["tiles"] == "Least squares on tiles."
    assert "mint" in interp.methods() and "tiles" not in interp.methods()


def test_a_session_brings_progress_cancellation_and_a_cache(registry) -> None:
    seen: list[str] = []
    session = Session(registry, progress=lambda label, done, total: seen.append(label))
    first, second = Counting(), Counting()
    interp.explain(first, PIXELS, method="tiles", session=session)
    assert "perturbed samples" in seen
    interp.explain(second, PIXELS, method="tiles", session=session)
    assert second.calls < first.calls
    stopped = Session(registry, cancelled=lambda: True)
    for call in CALLS.values():
        if call is not CALLS["fit"] and call is not CALLS["survey"]:
            with pytest.raises(Cancelled):
                call(Counting(), session=stopped)


def test_a_data_set_of_arrays_is_a_data_set(registry) -> None:
    data = ImageArrays((PIXELS, PIXELS[::-1].copy()), ("up", "down"))
    found = interp.survey(ToyModel(), data, method="learner", registry=registry)
    assert [row[0] for row in found.named("levels").rows] == ["up", "down"]
    assert data.fingerprint != ImageArrays((PIXELS,), ("up",)).fingerprint


@pytest.mark.parametrize("name", [each for each in interp.__all__ if each != "api_version"])
def test_every_name_is_there_and_says_what_it_is(name: str) -> None:
    value = getattr(interp, name)
    assert value.__doc__, "no docstring of its own"
    first = inspect.cleandoc(value.__doc__).split("\n\n")[0]
    assert re.fullmatch(r"[A-Z]\w*( \S+)+\.", " ".join(first.split())), first


def test_help_teaches() -> None:
    text = pydoc.render_doc(interp, renderer=pydoc.plaintext)
    for name in interp.__all__:
        value = getattr(interp, name)
        if inspect.isfunction(value):
            assert f"interp.{name}(" in interp.__doc__ and f"{name}(" in text
            assert value.__module__ == "interp.api"
            options = inspect.signature(value).parameters.values()
            sifted = any(each.kind is each.VAR_KEYWORD for each in options)
            assert sifted == (name in ("explain", "fit", "survey"))  # of one method
    assert set(interp.__all__) <= set(dir(interp))
