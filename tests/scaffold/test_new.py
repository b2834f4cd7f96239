"""`interp new`: every kind of package, written, registered and checked in this process."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest
from support.command_line import Interp, command_line

from interp import evidence
from interp.registry import Registry
from interp.registry.manifest import ENTRIES
from interp.scaffold import KINDS, Names, filled, names_of, package, write_package
from interp.testing import EntryCase, MethodCase, check_entry
from interp.testing.conformance import check_cancelled, check_evidence, check_needs
from interp.testing.entry_check import members

RUFF = Path(sys.executable).with_name("ruff")
LINES = 90
"""Most lines of a template's code: it is read in a sitting."""
LONGEST = "abcdefghi-klmnopqrst-vwxyz0123"
"""As long as a name may be."""


@pytest.fixture
def interp(capsys, tmp_path, monkeypatch) -> Interp:
    """Run a command in tmp_path."""
    monkeypatch.chdir(tmp_path)
    return command_line(capsys)


@pytest.fixture
def forgotten() -> Iterator[None]:
    """Modules and kinds of evidence that a test brings are gone after it."""
    modules, kinds = set(sys.modules), set(evidence.KINDS)
    yield
    for name in [each for each in sys.modules if each.startswith("interp_own")]:
        if name not in modules:
            del sys.modules[name]
    for name in set(evidence.KINDS) - kinds:
        del evidence.KINDS[name]


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_keeps_the_rules_of_its_kind(kind, interp, tmp_path, monkeypatch):
    answer = interp("new", kind, f"own-{kind}", "--json")
    assert answer.code == 0, answer.err
    folder, package = tmp_path / answer.json["folder"], answer.json["package"]
    monkeypatch.syspath_prepend(folder)
    registry = Registry.load([folder / package / "registry.yaml"])
    found = members(registry, package)
    assert found
    for word, name in found:
        if word == "method":
            case = MethodCase(name, registry, samples=100)
            for check in (check_needs, check_evidence, check_cancelled):
                check(case)
        else:
            findings = check_entry(EntryCase(word, name, registry))
            assert [each for each in findings if each.broken] == []
            assert {"loads"} < {each.check for each in findings if each.outcome == "pass"}


def test_every_kind_that_takes_code_can_be_written():
    files = {"model", "sample", "evaluation"}
    assert set(ENTRIES) - files <= set(KINDS)
    assert {"hook", "command", "panel", "composition"} <= set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_no_placeholder_is_left_and_the_project_is_whole(kind):
    files = filled(KINDS[kind], Names("own"))
    whole = "\n".join([*files, *files.values()])
    for placeholder in (
        "my_package",
        "my-package",
        "my-name",
        "my_name",
        "MyName",
        "KIND",
        "TRIAL",
    ):
        assert placeholder not in whole, placeholder
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["name"] == "interp-own"
    assert project["entry-points"]["interp"] == {"interp_own": "interp_own"}
    assert {"README.md", "interp_own/registry.yaml", "tests/test_own.py"} <= set(files)
    assert len(files["interp_own/__init__.py"].splitlines()) <= LINES


@pytest.mark.parametrize("name", ["q", LONGEST])
def test_what_is_written_is_in_good_style_whatever_the_name(name, tmp_path):
    for kind in KINDS.values():
        write_package(kind, Names(name), tmp_path / kind.name)
    for words in (("check",), ("format", "--check")):
        done = subprocess.run(
            [RUFF, *words, "--no-cache", "."], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


def test_words_that_are_missing_are_asked_for(interp, monkeypatch, tmp_path):
    answers = iter(["metric", "evenness"])
    monkeypatch.setattr("builtins.input", lambda: next(answers))
    answer = interp("new")
    assert answer.code == 0
    assert "Which kind? What is the metric called?" in answer.err
    assert "measures explanations, or a model" in answer.err
    assert (tmp_path / "interp-evenness/interp_evenness/registry.yaml").is_file()


def test_where_nobody_answers_is_told(interp, monkeypatch):
    def nobody() -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    answer = interp("new")
    assert answer.code == 2
    assert "error: found no answer; give both words, as in: interp new method" in answer.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("methd", "own"), "error: found no kind 'methd' of package; did you mean 'method'?"),
        (("method", "Own"), "error: found the name 'Own'; expected small letters, digits"),
        (("method", "1own"), "error: found the name '1own'; expected small letters"),
        (("method", "own--one"), "error: found the name 'own--one'; expected small letters"),
        (("method", f"{LONGEST}4"), "at most 30 in all"),
        (("method", "../own"), "error: found the name '../own'; expected small letters"),
        (("method", "none"), "the name 'none' would be None in Python"),
        (("method", "heatmap"), "the name 'heatmap' would be Heatmap in Python"),
        (("command", "typer"), "the name 'typer' would be typer in Python"),
        (("method", "mint"), "error: a package interp_mint is installed already"),
        (("metric", "deletion"), "interp_standard brings a metric 'deletion' already"),
        (("renderer", "rise"), "interp brings a method 'rise' already"),
        (("method", "own"), "interp-own exists and is not empty; expected a new folder"),
        (("method", "own", "--out", "no-folder/file.txt/own"), "is not a folder that can be"),
    ],
)
def test_mistakes(interp, tmp_path, words, message):
    (tmp_path / "interp-own").mkdir()
    (tmp_path / "interp-own/mine.txt").write_text("mine")
    (tmp_path / "no-folder").mkdir()
    (tmp_path / "no-folder/file.txt").write_text("a file")
    before = sorted(tmp_path.rglob("*"))
    answer = interp("new", *words)
    assert answer.code == 2
    assert message in answer.err and answer.err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_is_left_where_writing_fails(tmp_path, monkeypatch):
    real = Path.write_text

    def fails(self: Path, *words: str) -> int:
        if self.name == "registry.yaml":
            raise OSError(28, "No space left on device")
        return real(self, *words)

    monkeypatch.setattr(Path, "write_text", fails)
    with pytest.raises(Exception, match="No space left"):
        write_package(KINDS["method"], Names("own"), tmp_path / "own")
    assert list(tmp_path.iterdir()) == []


def test_an_underscore_is_a_hyphen():
    names = names_of("steepest_slope")
    assert (names.name, names.package) == ("steepest-slope", "interp_steepest_slope")
    assert (names.distribution, names.title) == ("interp-steepest-slope", "SteepestSlope")


def test_what_tools_leave_in_the_templates_is_not_written(tmp_path, monkeypatch):
    expected = filled(KINDS["method"], Names("own"))
    copied = copytree(package.TEMPLATE, tmp_path / "template")
    for left in ("shared/.ruff_cache/1", "method/my_package/__pycache__/own.pyc"):
        (copied / left).parent.mkdir(parents=True, exist_ok=True)
        (copied / left).write_bytes(b"\x89")
    monkeypatch.setattr(package, "TEMPLATE", copied)
    assert filled(KINDS["method"], Names("own")) == expected
