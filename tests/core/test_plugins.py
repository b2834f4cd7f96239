"""Plugin packages: imported late, held to what they declare, named where they fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from interp.errors import PluginError
from interp.registry import Registry
from interp.registry.manifest import read_manifest

SAMPLE = "entries: [{kind: sample, name: a, package: NAME, summary: s}]"
HEAD = "from interp.hookspecs import hookimpl\n"


def adding(*names: str) -> str:
    """Code of a package that registers samples of these names."""
    calls = "".join(f"    registrar.add('sample', '{name}', '{name}.png')\n" for name in names)
    return f"{HEAD}@hookimpl\ndef interp_register(registrar):\n{calls or '    pass'}"


@pytest.fixture
def opened(package, tmp_path: Path):
    """The registry of one package with this code."""

    def load(code: str, registry: str = SAMPLE) -> tuple[str, Registry]:
        name = package(code, registry)
        return name, Registry((read_manifest(tmp_path / name / "registry.yaml"),))

    return load


def test_package_is_imported_when_a_name_is_needed(opened):
    name, registry = opened(adding("a"))
    registry.entries()
    assert name not in sys.modules
    assert registry.get("sample", "a") == "a.png"
    assert name in sys.modules


def test_package_is_asked_once(opened):
    count = "from pathlib import Path\n" + adding("a").replace(
        "    registrar", "    interp_register.count = 1\n    registrar"
    )
    name, registry = opened(count)
    assert registry.get("sample", "a") is registry.get("sample", "a")
    sys.modules[name].interp_register.count = 7
    registry.get("sample", "a")
    assert sys.modules[name].interp_register.count == 7


FAILURES = [
    (adding(), "declares sample 'a', but its interp_register does not add it"),
    (adding("a", "b"), "adds sample 'b', but its registry.yaml does not declare it"),
    (adding("a", "a"), "adds sample 'a' twice"),
    ("x = 1", "has no function of that name"),
    ("import missing_module", "could not be imported: ModuleNotFoundError"),
    ("1 / 0", "could not be imported: ZeroDivisionError"),
    ("raise SystemExit", "could not be imported: SystemExit"),
    ("def f(:", "could not be imported: SyntaxError"),
    (adding("a").replace("    registrar", "    1 / 0\n    registrar"), "ZeroDivisionError"),
    (adding("a").replace("(registrar)", "(registrar, more)"), "PluginValidationError"),
    (adding("a").replace("interp_register", "interp_registre"), "interp_registre"),
]


@pytest.mark.parametrize(("code", "message"), FAILURES)
def test_failure_names_the_package(opened, code, message):
    name, registry = opened(code)
    with pytest.raises(PluginError) as caught:
        registry.get("sample", "a")
    assert name in str(caught.value)
    assert message in str(caught.value)
    assert caught.value.exit_code == 1


SHORT = """
    from pathlib import Path
    from interp.method import Method
    A = Path("a.png")
    class Plain(Method): pass
    def function(): pass
"""
MISTAKES = [
    ("sample", "NAME.missing:A", "but NAME.missing could not be imported: ModuleNotFoundError"),
    ("sample", "NAME.torn:A", "but NAME.torn could not be imported: ZeroDivisionError"),
    ("sample", "NAME:B", "but NAME has no 'B'; known: Path, Method, A, Plain, function"),
    ("sample", "NAME:function", "which is of class function; expected an object of class"),
    (
        "model",
        "NAME:A",
        "which is of class PosixPath; expected an object of class interp.spec.ModelSource",
    ),
    ("adapter", "NAME:A", "which is of class PosixPath; expected a function"),
    ("renderer", "NAME:Plain", "which is a class; expected a subclass of interp.method.Renderer"),
    ("method", "NAME:Pathh", "has no 'Pathh'; did you mean 'Path'"),
    ("method", "NAME:Path", "which is a class; expected a subclass of interp.method.Method"),
    (
        "method",
        "NAME:function",
        "which is of class function; expected a subclass of interp.method.Method",
    ),
    ("metric", "NAME:Plain", "expected a subclass of interp.metric.ExplanationMetric or interp."),
]
EXTRA = {"method": "answers: where", "adapter": "sources: [x]", "renderer": "evidence: heatmap"}


@pytest.mark.parametrize(("kind", "place", "message"), MISTAKES)
def test_mistake_in_an_object_is_one_line_with_file_and_key_path(
    opened, tmp_path, kind, place, message
):
    extra = EXTRA.get(kind, "")
    name, registry = opened(
        SHORT,
        f"entries: [{{kind: {kind}, name: a, summary: s, object: '{place}', {extra}}}]",
    )
    (tmp_path / name / "torn.py").write_text("1 / 0")
    with pytest.raises(PluginError) as caught:
        registry.get(kind, "a")
    place, message = place.replace("NAME", name), message.replace("NAME", name)
    file = tmp_path / name / "registry.yaml"
    assert str(caught.value).startswith(f"{file}: entries[0].object: found {place!r}, ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_needs_that_the_class_denies_are_a_mistake(opened, tmp_path):
    name, registry = opened(
        SHORT,
        "entries: [{kind: method, name: a, summary: s, answers: where, object: 'NAME:Plain', "
        "needs: [predict, cut]}]",
    )
    with pytest.raises(PluginError) as caught:
        registry.get("method", "a")
    assert str(caught.value) == (
        f"{tmp_path / name}/registry.yaml: entries[0].needs: found predict, cut; expected predict, "
        f"as {name}:Plain says, or no `needs` at all"
    )


def test_both_ways_in_one_package(opened):
    name, registry = opened(
        adding("a") + "B = 'b.png'\n",
        """
        entries:
          - {kind: sample, name: a, package: NAME, summary: s}
          - {kind: sample, name: b, object: "NAME:B", summary: s}
        """,
    )
    assert name not in sys.modules
    assert registry.get("sample", "b") == "b.png"
    assert registry.get("sample", "a") == "a.png"


def test_a_renderer_may_be_a_class(opened):
    code = """
        from interp.method import Renderer
        class Mine(Renderer):
            def render(self, evidence, image, style): return "drawn"
    """
    _, registry = opened(
        code,
        "entries: [{kind: renderer, name: r, object: 'NAME:Mine', summary: s, evidence: heatmap}]",
    )
    assert registry.renderer("heatmap").render(None, None, None) == "drawn"


def test_cause_is_chained(opened):
    _, registry = opened("1 / 0")
    with pytest.raises(PluginError) as caught:
        registry.get("sample", "a")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_missing_package(registry_file):
    path = registry_file(
        "entries: [{kind: sample, name: a, package: not_there_at_all, summary: s}]"
    )
    registry = Registry((read_manifest(path),))
    with pytest.raises(PluginError, match="not_there_at_all could not be imported"):
        registry.get("sample", "a")


@pytest.mark.parametrize("inside", [True, False])
def test_package_beside_its_registry_file_needs_no_installation(tmp_path, monkeypatch, inside):
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = f"beside_{inside}".lower()
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text(adding("a"))
    path = (folder if inside else tmp_path) / "registry.yaml"
    path.write_text(SAMPLE.replace("NAME", name))
    assert Registry((read_manifest(path),)).get("sample", "a") == "a.png"


def test_only_declared_hooks_are_called(opened):
    code = HEAD + (
        "seen = []\n"
        "@hookimpl\ndef interp_before_run(request): seen.append(request)\n"
        "@hookimpl\ndef interp_after_run(explanation): 1 / 0\n"
    )
    name, registry = opened(code, "hooks: [{package: NAME, hook: interp_before_run}]")
    registry.hook("interp_after_run", explanation=None)
    assert name not in sys.modules
    registry.hook("interp_before_run", request="r")
    assert sys.modules[name].seen == ["r"]


def test_failing_hook_is_blamed_on_its_package(opened):
    code = HEAD + "@hookimpl\ndef interp_after_run(explanation): 1 / 0\n"
    name, registry = opened(code, "hooks: [{package: NAME, hook: interp_after_run}]")
    with pytest.raises(PluginError, match=f"{name} failed in interp_after_run: ZeroDivisionError"):
        registry.hook("interp_after_run", explanation=None)


def test_hooks_give_answers_in_order(opened):
    code = HEAD + "@hookimpl\ndef interp_panels(): return 'panel'\n"
    _, registry = opened(code, "hooks: [{package: NAME, hook: interp_panels, names: [p]}]")
    assert registry.hook("interp_panels") == ["panel"]
    assert registry.hooks("interp_panels")[0].names == ("p",)


def test_last_renderer_of_a_kind_wins(opened):
    code = (
        "from interp.method import Renderer\n"
        "class First(Renderer):\n    def render(self, evidence, image, style): return 'r'\n"
        "class Last(Renderer):\n    def render(self, evidence, image, style): return 's'\n"
    ) + adding().replace(
        "registrar):\n",
        "registrar):\n    registrar.add('renderer', 'r', First)\n"
        "    registrar.add('renderer', 's', Last())\n",
    )
    _, registry = opened(
        code,
        """
        entries:
          - {kind: renderer, name: r, package: NAME, summary: s, evidence: heatmap}
          - {kind: renderer, name: s, package: NAME, summary: s, evidence: heatmap}
    """,
    )
    assert registry.renderer("heatmap").render(None, None, None) == "s"
