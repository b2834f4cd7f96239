"""Calls from Python: images, budgets, keywords, types, representations, words of notes."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
import typing
from pathlib import Path

import numpy as np
import pytest
import torch

import interp
from interp.context import Budget
from interp.dataset import ImageArrays
from interp.errors import InputError, InterpError, ModelError, RegistryError, UnsupportedError
from interp.evidence import Heatmap
from interp.registry import Registry
from interp.spec import ModelOptions
from interp.testing import ToyModel
from interp.wording import in_python

HERE = Path(__file__).parent
PIXELS = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
INTERFACES = (
    *("method", "model", "metric", "readout", "dataset", "evidence", "explanation", "context"),
    *("cut", "knowledge", "session", "request", "spec", "target", "api", "call", "hookspecs"),
    *("engine.component", "registry.registry", "comparison.result", "evaluation.result"),
    *("network.placement", "network.attention", "suggestion.suggest", "difference.rerun"),
)


@pytest.fixture
def module() -> torch.nn.Module:
    """The mean of each colour."""
    return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()).eval()


def tiles(registry: Registry, **options: typing.Any) -> interp.Explanation:
    """The probe method on the toy model."""
    return interp.explain(ToyModel(), PIXELS, method="tiles", registry=registry, **options)


def test_the_module_lists_its_interface_and_version() -> None:
    from importlib.metadata import version

    assert interp.__version__ == version("interp")
    listed = [each for each in dir(interp) if not each.startswith("__")]
    assert listed == sorted(each for each in interp.__all__ if not each.startswith("__"))
    assert "load" in listed and "__version__" in dir(interp)


@pytest.mark.parametrize("name", INTERFACES)
def test_type_hints_of_interfaces_resolve(name: str) -> None:
    module = importlib.import_module(f"interp.{name}")
    for own in vars(module).values():
        if getattr(own, "__module__", None) != module.__name__ or not callable(own):
            continue
        parts = vars(own).values() if inspect.isclass(own) else ()
        for each in (own, *filter(inspect.isfunction, parts)):
            typing.get_type_hints(each)


def test_type_hints_are_the_real_types_and_cost_nothing_before() -> None:
    code = (
        "import sys, typing, interp.model, interp.method, interp.explanation\n"
        "assert not {'torch', 'matplotlib'} & set(sys.modules)\n"
        "hints = typing.get_type_hints(interp.model.ModelAdapter.predict)\n"
        "import torch; assert hints['return'] is torch.Tensor\n"
        "hints = typing.get_type_hints(interp.model.ModelAdapter.module)\n"
        "assert hints['return'] is torch.nn.Module\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@pytest.mark.parametrize(
    ("given", "meant"),
    [(100, {"samples": 100}), (np.int64(7), {"samples": 7}), ("30s", {"seconds": 30.0})],
)
def test_a_number_or_a_time_is_a_budget(given: typing.Any, meant: dict, registry) -> None:
    assert Budget.model_validate(given) == Budget(**meant)
    found = tiles(registry, budget=given)
    assert found.source.request.budget == Budget(**meant)


WRONG = {
    "budget text": (lambda r: tiles(r, budget="soon"), "budget soon: expected samples"),
    "budget type": (lambda r: tiles(r, budget=[1]), r"Budget: found \[1\]"),
    "budget none": (lambda r: tiles(r, budget=0), "budget 0: expected samples"),
    "budget field": (lambda r: Budget(sample=3), "Budget.sample: unknown key; did you mean 'sam"),
    "budget sign": (lambda r: Budget(samples=-1), "Budget.samples: found -1"),
    "option": (lambda r: ModelOptions(klasses=["a"]), "unknown key; did you mean 'classes'"),
    "option type": (lambda r: ModelOptions(device=3), "ModelOptions.device: found 3"),
    "option value": (lambda r: ModelOptions(precision="fp8"), "found 'fp8'; known: fp32, bf16"),
    "options": (lambda r: interp.open_model("x", options=[1]), "options: found list"),
    "seed": (lambda r: tiles(r, seed="x"), "Request.seed: found 'x'"),
    "seed sign": (lambda r: tiles(r, seed=-1), "Request.seed: found -1"),
    "params": (lambda r: tiles(r, params=["x"]), "params: found list"),
    "method": (lambda r: interp.explain(ToyModel(), PIXELS, method=3, registry=r), "method 3"),
    "methods": (lambda r: interp.compare(ToyModel(), PIXELS, methods="tiles"), r"as \['tiles'\]"),
    "a method and its parameters": (
        lambda r: interp.compare(ToyModel(), PIXELS, methods=[("tiles", {"cells": 4})]),
        "a mapping of names to their parameters",
    ),
    "models": (
        lambda r: interp.compare_models("toy", PIXELS, methods=["tiles"], registry=r),
        "found 'toy'; expected a list of two or more models",
    ),
    "evaluations": (lambda r: interp.suggest(ToyModel(), PIXELS, evaluations="a"), r"as \['a'\]"),
    "registry": (lambda r: Registry.load("nowhere.yaml"), "nowhere.yaml"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_one_line_of_ours(name: str, registry) -> None:
    call, words = WRONG[name]
    with pytest.raises(InterpError, match=words) as told:
        call(registry)
    assert "\n" not in str(told.value) and len(str(told.value)) < 400


def test_keywords_are_parameters_of_the_method_or_fields_of_the_budget(registry) -> None:
    model = ToyModel()
    keys = {"samples": 64, "cells": 5, "batch_size": 16, "seed": 3}
    found = interp.explain(model, PIXELS, method="rise", **keys)
    made = found.provenance
    assert (made.params["samples"], made.params["cells"], made.seed) == (64, 5, 3)
    assert found.samples == 64
    assert found.source.request.budget == Budget(batch_size=16)  # samples are the method's own
    alike = interp.explain(
        model, PIXELS, method="rise", params={"samples": 64, "cells": 5}, seed=3, budget=Budget()
    )
    np.testing.assert_allclose(found.map(), alike.map(), atol=1e-6)
    for wrong, near in (("sampels", "samples"), ("batchsize", "batch_size"), ("buget", "budget")):
        with pytest.raises(InputError, match=f"rise has no parameter '{wrong}'.*'{near}'"):
            interp.explain("nothing", PIXELS, method="rise", **{wrong: 3})  # before any work
    with pytest.raises(InputError, match="samples in params and as a keyword"):
        interp.explain(model, PIXELS, method="rise", params={"samples": 3}, samples=3)
    default = interp.explain(model, PIXELS, regions=2, samples=200)
    assert default.provenance.method == "mint" and default.provenance.params["regions"] == 2


def test_a_target_is_found_by_index_name_and_synonym(registry) -> None:
    found = tiles(registry, target=[2, "bee, not ant"])
    for same in (2, np.int64(2), torch.tensor(2), "cat", "CAT", "2"):
        assert found.mapped(same) is found.mapped("cat")
    assert found.mapped("bee, not ant").target == "bee, not ant"
    with pytest.raises(UnsupportedError, match=r"no map of ant .*explained: bee, not ant, cat"):
        found.map(0)
    with pytest.raises(UnsupportedError, match="no map of nobody"):
        found.map("nobody")


def test_tensors_and_float_arrays_are_images_and_what_is_assumed_is_told(registry) -> None:
    shares = PIXELS / np.float32(255)
    first = torch.from_numpy(shares).permute(2, 0, 1)
    exact = tiles(registry).map()
    for image in (shares, first, first.bfloat16().float(), PIXELS.astype(np.float64), first[None]):
        found = interp.explain(ToyModel(), image, method="tiles", registry=registry, target=0)
        assert any("values from 0 to" in note and "were read as" in note for note in found.notes)
        close = tiles(registry, target=0).map()
        np.testing.assert_allclose(found.map(), close, atol=0.02)
    assert exact.shape == (32, 32)
    both = interp.explain(
        ToyModel(), first[None].repeat(2, 1, 1, 1), method="tiles", registry=registry
    )
    assert len(both.images) == 2 and both.notes[0].startswith("image 0: values")
    for refused in (first * 2 - 1, shares * 3, shares.tolist(), shares > 0.5):
        with pytest.raises(InputError, match="expected"):
            interp.explain(ToyModel(), refused, method="tiles", registry=registry)


def test_guessed_preprocessing_is_in_the_notes_in_the_callers_words(module, registry) -> None:
    found = interp.explain(module, PIXELS, method="tiles", registry=registry)
    said = 'assumed ImageNet mean and std; set with options=ModelOptions(input={"mean": (0.485,'
    assert any(said in note for note in found.notes)
    assert not any("--" in note for note in (*found.notes, *found.provenance.model.notes))
    assert found._repr_html_().count("assumed ImageNet") == 1
    both = interp.compare(module, PIXELS, methods=["tiles"], registry=registry)
    assert any(said in note for note in both.notes)
    assert both._repr_html_().count("assumed ImageNet") == 1
    given = {"size": (24, 24), "mean": (0, 0, 0), "std": (1, 1, 1)}
    for options in (ModelOptions(input=given), {"input": given}):
        told = interp.explain(module, PIXELS, method="tiles", registry=registry, options=options)
        assert not any("assumed ImageNet" in note or "input size" in note for note in told.notes)


def test_class_names_may_be_a_list(module) -> None:
    for classes in (["r", "g", "b"], np.array(["r", "g", "b"]), ("r", "g", "b")):
        model = interp.open_model(module, options=ModelOptions(classes=classes))
        assert model.spec.classes == ("r", "g", "b")
    with pytest.raises(ModelError, match=r"with options=ModelOptions\(classes=\[\.\.\.\]\)"):
        interp.open_model(module, classes=["r"])


@pytest.mark.parametrize(
    ("flags", "python"),
    [
        ("set with --input size=224.", 'set with options=ModelOptions(input={"size": 224}).'),
        (
            "use --input mean=.5,.5 --input std=.1,.2 there",
            'use options=ModelOptions(input={"mean": (0.5, 0.5), "std": (0.1, 0.2)}) there',
        ),
        ("name them with --classes FILE", "name them with options=ModelOptions(classes=[...])"),
        ("--activation sigmoid if not", 'options=ModelOptions(activation="sigmoid") if not'),
        (
            "say --readout-param layout=NAME",
            'say options=ModelOptions(readout_params={"layout": NAME})',
        ),
        ("choose with --output-name NAME", "choose with options=ModelOptions(output_name=NAME)"),
        ("leave out --weights", "leave out options=ModelOptions(weights=...)"),
        ("name another --out", "name another --out"),
        ("a plain sentence; nothing else", "a plain sentence; nothing else"),
    ],
)
def test_flags_are_told_as_arguments(flags: str, python: str) -> None:
    assert in_python(flags) == python


def test_representations_take_a_few_lines(module, registry) -> None:
    many = tuple(f"class number {at}" for at in range(1000))
    wide = torch.nn.Sequential(module, torch.nn.Linear(3, 1000))
    model = interp.open_model(wide, classes=many)
    found = interp.explain(model, PIXELS, method="rise", samples=20)
    compared = interp.compare(model, [PIXELS] * 2, methods=["rise"], budget=20)
    shown = (
        *(found, compared, compared.cases[0], compared.records[0], model, model.spec, registry),
        *(found.source, Heatmap(name="m", values=np.zeros((500, 500))), interp.Session(registry)),
        *(ModelOptions(classes=many), ImageArrays([PIXELS] * 9, list("abcdefghi")), found.evidence),
        *(ImageArrays([PIXELS], ["a"])[0], compared.cases[0].cells[0]),
    )
    for each in shown:
        assert len(repr(each)) < 2000 and repr(each).count("\n") < 12, type(each)
    assert "rise of class number" in repr(found) and "float32 (32, 32)" in repr(found)
    assert "1000 in all" in repr(model.spec) and "1000 classes" in repr(model)
    assert repr(Budget(samples=3)).startswith("Budget(samples=3")


@pytest.mark.parametrize("form", [str, Path])
def test_folders_and_files_may_be_texts_or_paths(form, registry, tmp_path) -> None:
    from interp.comparison.result import Comparison
    from interp.difference.difference import difference
    from interp.evaluation.folder import open_evaluation
    from interp.request import Request
    from interp.result.bundle import open_bundle
    from interp.run import run

    probe = HERE / "plugin/registry.yaml"
    for extra in (form(probe), [form(probe)]):
        assert Registry.load(extra).entry("method", "tiles")
    run(
        Request(method="tiles"),
        registry=registry,
        model=ToyModel(),
        images=[PIXELS],
        out=form(tmp_path / "r"),
    )
    assert open_bundle(form(tmp_path / "r"))[1].evidence
    assert difference(form(tmp_path / "r"), form(tmp_path / "r")).same
    interp.compare(
        ToyModel(), PIXELS, methods=["tiles"], registry=registry, out=form(tmp_path / "c")
    )
    assert Comparison.open(form(tmp_path / "c")).methods == ["tiles"]
    with pytest.raises(InputError, match="manifest"):
        open_evaluation(form(tmp_path))
    with pytest.raises(RegistryError, match="cannot be read"):
        Registry.load(form(tmp_path / "nothing.yaml"))
