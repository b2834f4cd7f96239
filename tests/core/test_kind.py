"""What each kind must register is checked when it is fetched, in one line with package and name."""

from __future__ import annotations

from pathlib import Path

import pytest

from interp.errors import PluginError, RegistryError
from interp.registry import Registry
from interp.registry.manifest import ENTRIES, read_manifest

CODE = """
    from interp.hookspecs import hookimpl
    from interp.method import Attack, Method, Renderer
    from interp.metric import ExplanationMetric
    from interp.readout import Readout
    from interp.engine.component import Perturbation, Solver, Weighting
    from interp.params import Params

    class Few(Method):
        def explain(self, model, images): ...
    class Odd(Method):
        Params = dict
    class Needy(Method):
        needs = ["predict"]
    class Empty(Renderer): pass
    class Short(Renderer):
        def render(self, evidence): ...
    class Gentle(Attack): pass
    class Blind(ExplanationMetric):
        Params = Params
        def measure(self, case): ...
    class Mute(Readout): pass
    class Still(Perturbation): pass
    class Light(Weighting): pass
    class Idle(Solver): pass
    def one(a): ...
    def three(a, b, c): ...

    @hookimpl
    def interp_register(registrar): registrar.add("KIND", "a", OBJECT)
"""
EXTRA = {
    "method": "answers: where, needs: [predict]",
    "adapter": "sources: [x]",
    "reader": "sources: [x]",
    "renderer": "evidence: heatmap",
    "evaluation": "layout: NCHW",
}
WRONG = [
    ("method", "3", "is of class int; expected a subclass of interp.method.Method"),
    (
        "method",
        "Few",
        "is a class; expected one with explain(model, images, targets, knowledge, context)",
    ),
    ("method", "Odd", "is a class; expected one whose Params is a subclass of interp.params.Param"),
    ("method", "Needy", "expected one whose needs is a frozenset of interp.spec.Capability"),
    ("renderer", "Empty", "expected one that implements render(evidence, image, style)"),
    ("renderer", "Short", "expected one with render(evidence, image, style)"),
    ("attack", "Gentle", "expected one that implements perturb(model, images, labels, eps, steps)"),
    ("metric", "Blind", "expected one whose Params is a subclass of interp.metric.MetricParams"),
    ("readout", "Mute", "expected one that implements read(output)"),
    ("perturbation", "Still", "expected one that implements bind(model, image, count, context)"),
    ("weighting", "Light", "expected one that implements weigh("),
    ("solver", "Idle", "expected one that implements weights(sums, full, empty)"),
    ("adapter", "one", "is of class function; expected a function (source, options, lookup)"),
    ("builder", "one", "is of class function; expected a function (network, params)"),
    ("reader", "three", "is of class function; expected a function (path)"),
    ("dataset", "three", "is of class function; expected a function (count, seed)"),
    ("model", "3", "is of class int; expected an object of class interp.spec.ModelSource"),
    ("sample", "3", "is of class int; expected an object of class pathlib.Path or builtins.str"),
    ("evaluation", "3", "is of class int; expected an object of class pathlib.Path or builtins.st"),
]


def test_every_kind_is_there() -> None:
    assert {kind for kind, *_ in WRONG} == set(ENTRIES)


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize(("kind", "given", "words"), WRONG)
def test_a_wrong_object_is_one_line(package, tmp_path: Path, kind, given, words, short) -> None:
    code = CODE.replace("KIND", kind).replace("OBJECT", given)
    how = "object: 'NAME:given'" if short else "package: NAME"
    extra = EXTRA.get(kind, "")
    extra = extra.replace(", needs: [predict]", "") if short else extra
    name = package(
        f"{code}\n    given = {given}\n",
        f"entries: [{{kind: {kind}, name: a, summary: s, {how}, {extra}}}]",
    )
    registry = Registry((read_manifest(tmp_path / name / "registry.yaml"),))
    with pytest.raises(PluginError) as caught:
        registry.get(kind, "a")
    said = str(caught.value)
    who = f"entries[0].object: found '{name}:given', which" if short else f"{name}: {kind} 'a'"
    assert words in said and who in said and "\n" not in said and len(said) < 400


REQUIREMENTS = {
    "requires: interp": None,
    "requires: interp>=0.1": None,
    "requires: 'interp >= 0.0.9, < 99'": None,
    "api: 1": None,
    "requires: interp>=99": "requires: found 'interp>=99'; this is interp ",
    "requires: interp<0.0.1": "upgrade the package, or install another version of the package",
    "requires: torch>=2": "requires: found 'torch>=2'; expected interp with versions, as in",
    "requires: interp~=1.0": "requires: found 'interp~=1.0'; this is interp ",
    "requires: interp>=": "expected interp with versions, as in interp>=0.2",
    "api: 2": "api: found 2; this interp offers 1; upgrade interp",
    "api: 0": "api: found 0; this interp offers 1; upgrade the package",
    "{api: 2, unheard_of: 3}": "api: found 2; this interp offers 1",
}


@pytest.mark.parametrize("text", REQUIREMENTS)
def test_versions_that_a_file_asks_for(registry_file, text: str) -> None:
    path, words = registry_file(text), REQUIREMENTS[text]
    if words is None:
        assert read_manifest(path).entries == ()
        return
    with pytest.raises(RegistryError) as caught:
        read_manifest(path)
    assert str(caught.value).startswith(f"{path}: ") and words in str(caught.value)


def test_a_name_of_a_package_without_a_readable_file_may_be_its(package, tmp_path: Path) -> None:
    name = package("", "\0", installed=True)
    with pytest.raises(RegistryError, match=f"unknown method 'x'; .*the broken package {name}"):
        Registry.load().entry("method", "x")


def test_show_gives_the_reason_too(package, capsys) -> None:
    from interp.cli import main

    name = package("", "entries: [{kind: method, name: mine}]", installed=True)
    assert main(["show", "mine"]) == 2
    assert f"is of package {name}, which is broken: " in capsys.readouterr().err
    assert main(["list"]) == 0
    listing = capsys.readouterr().out
    assert f"{name}  " in listing and "entries[0].object: missing" in listing
