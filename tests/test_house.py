"""The project's files agree with each other: README, Makefile, CONTRIBUTING, registry, wheel."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from method_pages import SETTINGS, methods, pages, settings
from method_pictures import METHODS, MOST
from reference import REFERENCE, most_used, reference, written

from interp import hookspecs
from interp.errors import InputError
from interp.registry import Registry
from interp.registry.manifest import MethodEntry, read_manifest
from interp.registry.registry import builtin
from interp.scaffold import KINDS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
ENTRIES = Registry((read_manifest(builtin()),)).entries()


def test_readme_is_up_to_date():
    assert written(README, most_used()) == README, "run make docs"


def test_the_reference_is_up_to_date():
    assert REFERENCE.read_text("utf-8") == reference(), "run make docs"


def test_the_pages_of_methods_are_up_to_date():
    written = pages()
    assert {each.name for each in METHODS.glob("*.md")} == set(written)
    stale = [name for name, text in written.items() if (METHODS / name).read_text("utf-8") != text]
    assert stale == [], "run make docs"
    text = SETTINGS.read_text("utf-8")
    assert settings(text) == text, "run make docs"


def test_every_method_has_its_own_picture():
    drawn = {each.name: (METHODS / f"{each.name}.webp").read_bytes() for each in methods()}
    assert {each.stem for each in METHODS.glob("*.webp")} == set(drawn)
    assert all(1000 < len(each) <= MOST for each in drawn.values())
    assert len(set(drawn.values())) >= len(drawn) - 1  # channel- and layer-ablation may agree


def test_every_method_says_when_it_misleads():
    told = {each.name: each.misleads or "" for each in methods()}
    assert [name for name, text in told.items() if not 60 <= len(text) <= 420] == []
    sentences = {name: re.split(r"(?<=[.?!]) (?=[A-Z])", text) for name, text in told.items()}
    assert [name for name, each in sentences.items() if len(each) > 4] == []
    del told["captum-occlusion"]  # the same method as occlusion
    assert len(set(told.values())) == len(told)


def test_readme_fits_two_screens():
    assert len(README.splitlines()) <= 110


def test_compositions_are_listed_with_what_they_need():
    needs = {each.name: each.needs for each in ENTRIES if isinstance(each, MethodEntry)}
    assert needs["channel-ablation"] and needs["rise"]
    assert f"| which channels | {', '.join(needs['channel-ablation'])} |" in reference()


def test_readme_without_markers_is_an_error():
    with pytest.raises(InputError, match="put them where the table goes"):
        written("# nothing", "")


@pytest.mark.parametrize(
    "job", ["demo", "test", "types", "lint", "docs", "bench", "app", "models", "site"]
)
def test_makefile_has_every_job(job):
    assert re.search(rf"^{job}:.*## \w", MAKEFILE, re.MULTILINE)


def test_commands_in_the_readme_exist():
    jobs = set(re.findall(r"make ([a-z]+)", README))
    assert {"demo", "test"} <= jobs
    assert jobs <= set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


@pytest.mark.parametrize("file", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_somewhere(file):
    text = (ROOT / file).read_text("utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    assert all((ROOT / link).exists() for link in links), links


def test_every_entry_is_documented():
    text = REFERENCE.read_text("utf-8")
    assert [each.name for each in ENTRIES if f"`{each.name}`" not in text] == []


def test_every_hook_is_documented():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    hooks = [name for name in vars(hookspecs) if name.startswith("interp_")]
    assert len(hooks) == 12
    assert [name for name in hooks if name not in text] == []


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda each: f"{each.kind}-{each.name}")
def test_every_entry_has_its_object(entry):
    assert Registry.load().get(entry.kind, entry.name) is not None


@pytest.mark.parametrize(
    "entry", [each for each in ENTRIES if isinstance(each, MethodEntry)], ids=lambda each: each.name
)
def test_methods_say_what_they_need(entry):
    kind = Registry.load().get("method", entry.name)
    assert kind.needs == frozenset(entry.needs)
    assert all(field.description for field in kind.Params.model_fields.values())


def test_wheel_holds_the_registry_and_no_shelf(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    assert {
        "interp/registry.yaml",
        "interp/truth.json",
        "interp/py.typed",
        "interp_creatures/__init__.py",
    } <= names
    assert {f"interp/scaffold/template/{kind}/my_package/registry.yaml" for kind in KINDS} <= names
    tops = {name.partition("/")[0] for name in names}
    assert all(top.startswith("interp") for top in tops), tops


@pytest.mark.slow
def test_python_in_the_readme_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out


def test_commands_in_the_readme_are_commands(capsys):
    from interp.cli import main

    for line in re.findall(r"^\$ interp (\w+)", README, re.MULTILINE):
        assert main([line, "--help"]) == 0


def test_release_files_agree_on_version_and_python():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert cited["version"] == project["version"] and cited["license"] == project["license"]
    claimed = re.findall(r"Python :: (\d\.\d+)", "\n".join(project["classifiers"]))
    flow = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text("utf-8"))
    assert flow["jobs"]["test"]["strategy"]["matrix"]["python"] == claimed
    assert f"python:{claimed[0]}-" in (ROOT / "Dockerfile").read_text("utf-8")
