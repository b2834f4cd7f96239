"""Registry files: what they may say, how mistakes are reported, and broken packages."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from interp.errors import RegistryError
from interp.registry import Registry
from interp.registry.manifest import ENTRIES, CompositionEntry, read_manifest
from interp.registry.registry import builtin, check_together
from interp.storage.yaml_file import parse_yaml

METHOD = "{kind: method, name: m, package: p, summary: s, needs: [predict], answers: where}"

MISTAKES = [
    (
        "entries: [{kind: methud, name: a}]",
        "entries[0].kind: found 'methud'; did you mean 'method'",
    ),
    ("entries: [{name: a}]", "entries[0].kind: found nothing; known: method, adapter"),
    (
        f"entries: [{METHOD.replace('predict', 'gradient')}]",
        "entries[0].needs[0]: found 'gradient'",
    ),
    (f"entries: [{METHOD.replace('predict', 'gradient')}]", "did you mean 'gradients'"),
    (
        f"entries: [{METHOD.replace('where', 'were')}]",
        "answers: found 'were'; did you mean 'where'",
    ),
    (f"entries: [{METHOD.replace('needs', 'need')}]", "needs"),
    (f"entries: [{METHOD.replace('summary', 'sumary')}]", "entries[0].summary: missing"),
    (f"entries: [{METHOD[:-1]}, papr: x}}]", "entries[0].papr: unknown key; did you mean 'paper'"),
    (f"entries: [{METHOD[:-1]}, paper: {{titel: x}}}}]", "entries[0].paper.title: missing"),
    (
        f"entries: [{METHOD[:-1]}, paper: {{title: x, venue: y, year: z}}}}]",
        "entries[0].paper.year: found 'z'",
    ),
    (f"entries: [{METHOD.replace('name: m', 'name: My Method')}]", "name: found 'My Method'"),
    (f"entries: [{METHOD}, 3]", "entries[1]: found 3; expected a mapping"),
    ("entries: {kind: method}", "entries: found {'kind': 'method'}; expected a list"),
    ("entris: []", "entris: found 'entris'; did you mean 'entries'"),
    ("hooks: [{package: p, hook: interp_after}]", "hooks[0].hook: found 'interp_after'; did you"),
    (
        "entries: [{kind: sample, name: a, summary: s, object: pack.module}]",
        "entries[0].object: found 'pack.module'; expected package.module:Name",
    ),
    ("entries: [{kind: sample, name: a, summary: s, object: 3}]", "entries[0].object: found '3'"),
    (
        "entries: [{kind: sample, name: a, summary: s, package: p, object: pack:A}]",
        "entries[0].package: found 'p'; known: pack",
    ),
    (
        "entries: [{kind: sample, name: a, summary: s}]",
        "entries[0].object: missing; expected package.module:Name",
    ),
    (
        "entries: [{kind: method, name: a, summary: s, answers: where, package: p}]",
        "entries[0].needs: missing; expected what the method needs of a model",
    ),
    (
        "entries: [{kind: method, name: a, summary: s, answers: where, object: p:A, compose: {}}]",
        "entries[0].object: a composition takes this from its parts",
    ),
    ("[]", "found []; expected a mapping"),
    ("", "found nothing; expected a mapping"),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_mistake_is_reported_with_file_key_path_and_nearest_name(registry_file, text, message):
    path = registry_file(text)
    with pytest.raises(RegistryError) as caught:
        read_manifest(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_yaml_is_told_with_its_line(registry_file):
    path = registry_file("entries:\n  - {kind: method\n  - x: ]\n")
    with pytest.raises(RegistryError, match=rf"{path}: line 3: not valid YAML"):
        read_manifest(path)


@pytest.mark.parametrize("value", ["9" * 5000, "2020-13-45", "\udcff"])
def test_a_value_that_python_cannot_make_is_bad_yaml(value):
    with pytest.raises(yaml.YAMLError):
        parse_yaml(f"a: {value}")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", None])
def test_unreadable_file(tmp_path, content):
    path = tmp_path / "registry.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RegistryError, match="cannot be read"):
        read_manifest(path)


def test_name_given_twice_names_both_files(registry_file):
    first, second = (registry_file(f"entries: [{METHOD}]") for _ in range(2))
    with pytest.raises(RegistryError) as caught:
        check_together([read_manifest(each) for each in (first, second)])
    assert str(first) in str(caught.value)
    assert str(second) in str(caught.value)


def test_one_name_in_two_kinds_is_fine(registry_file):
    check_together(
        [
            read_manifest(
                registry_file("""
        entries:
          - {kind: model, name: a, package: p, summary: s}
          - {kind: sample, name: a, package: p, summary: s}
    """)
            )
        ]
    )


def test_extra_file_with_a_builtin_name_is_refused(registry_file):
    path = registry_file(f"entries: [{METHOD.replace('name: m', 'name: mint')}]")
    with pytest.raises(RegistryError, match="'mint' is registered in"):
        Registry.load([path])


def test_unknown_names_offer_the_nearest():
    registry = Registry.load()
    with pytest.raises(RegistryError, match="unknown method 'mimt'; did you mean 'mint'"):
        registry.entry("method", "mimt")
    with pytest.raises(RegistryError, match="unknown kind 'metod'; did you mean 'method'"):
        registry.entry("metod", "mint")
    with pytest.raises(RegistryError, match="no renderer draws evidence of kind 'heatmaps'"):
        registry.renderer("heatmaps")


def test_entries_by_kind():
    registry = Registry.load()
    assert {each.kind for each in registry.entries("model")} == {"model"}
    assert {each.kind for each in registry.entries()} <= set(ENTRIES)
    assert len(registry.entries()) > len(registry.entries("model")) > 0


@pytest.mark.parametrize(
    ("registry", "reason"),
    [
        (None, "found no registry.yaml in"),
        ("entries: [", "not valid YAML"),
        ("entries: [{kind: methud}]", "entries[0].kind: found 'methud'"),
        (f"entries: [{METHOD.replace('name: m', 'name: mint')}]", "'mint' is registered in"),
        ("entries: [{kind: sample, name: a, summary: s, object: NAME}]", "expected package.module"),
    ],
)
def test_broken_package_is_listed_and_not_imported(package, registry, reason):
    name = package("raise SystemExit('imported')", registry, installed=True)
    loaded = Registry.load()
    assert [each.package for each in loaded.broken] == [name]
    assert reason in loaded.broken[0].reason
    assert name not in sys.modules
    assert loaded.entry("method", "mint").package == "interp_mint"


def test_entry_point_without_a_package_is_broken(package, tmp_path):
    name = package("", "entries: []", installed=True)
    (tmp_path / name / "registry.yaml").unlink()
    (tmp_path / name / "__init__.py").unlink()
    (tmp_path / name).rmdir()
    assert "found no registry.yaml in a package" in Registry.load().broken[0].reason


def test_installed_package_is_found_without_import(package):
    name = package("raise SystemExit", f"entries: [{METHOD.replace(' p,', ' NAME,')}]", True)
    loaded = Registry.load()
    assert loaded.entry("method", "m").package == name
    assert not loaded.broken
    assert name not in sys.modules


@pytest.mark.parametrize(
    ("given", "package"),
    [
        ("object: pack.module:A", "pack"),
        ("object: pack:A", "pack"),
        ("object: pack.module:A, package: pack.module", "pack.module"),
        ("object: pack.module:A, package: pack", "pack"),
    ],
)
def test_package_follows_from_the_object(registry_file, given, package):
    path = registry_file(f"entries: [{{kind: sample, name: a, summary: s, {given}}}]")
    assert read_manifest(path).entries[0].package == package


def test_needs_of_a_class_are_listed_once_they_are_asked_for(package, tmp_path):
    code = """
        from interp.engine.component import Perturbation
        from interp.method import Method
        from interp.spec import Capability

        class Short(Method):
            needs = frozenset({Capability.CUT, Capability.PREDICT})

        class Parts(Perturbation):
            needs = frozenset({Capability.GRADIENTS})
            bind = None
    """
    name = package(
        code,
        """
        entries:
          - {kind: method, name: short, summary: s, answers: where, object: "NAME:Short"}
          - {kind: perturbation, name: parts, summary: s, object: "NAME:Parts"}
          - {kind: method, name: both, summary: s, answers: where,
             compose: {perturbation: parts, solver: drop}}
        """,
    )
    registry = Registry.load([tmp_path / name / "registry.yaml"])
    names = (("method", "short"), ("perturbation", "parts"), ("method", "both"))
    entries = [registry.entry(*each) for each in names]
    assert [each.needs for each in entries] == [None] * 3
    assert name not in sys.modules
    found = [registry.complete(each).needs for each in entries]
    assert found == [("predict", "cut"), ("gradients",), ("gradients",)]
    assert registry.get("method", "both").needs == {"gradients"}
    mint = registry.entry("method", "mint")
    assert registry.complete(mint) is mint
    assert registry.complete(registry.entry("sample", "two")).name == "two"


def test_listing_imports_no_plugin_and_nothing_heavy():
    code = (
        "import sys\n"
        "from interp.registry import Registry\n"
        "assert Registry.load().entries()\n"
        "heavy = {'torch', 'numpy', 'pluggy', 'cv2'}\n"
        "print([m for m in sys.modules if m in heavy or m.startswith('interp_')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_builtin_entries_name_their_objects_and_say_what_they_need():
    entries = Registry((read_manifest(builtin()),)).entries()
    composed = [each for each in entries if isinstance(each, CompositionEntry)]
    assert [each.name for each in entries if each not in composed and each.object is None] == []
    assert [each.name for each in entries if getattr(each, "needs", ()) is None] == []


def test_builtin_file_is_valid():
    assert read_manifest(builtin()).entries
