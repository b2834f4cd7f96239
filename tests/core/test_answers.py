"""What methods answer: known words, short forms, words that packages add, and unknown ones."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.command_line import command_line

from interp.errors import InputError, RegistryError
from interp.registry import Registry
from interp.registry.answer import ANSWERS, find_answer, known_answer
from interp.registry.manifest import MethodEntry, read_manifest
from interp.suggestion.suggest import SuggestionRequest, suggest
from interp_dashboard.choice import method

PAGE = (Path(__file__).parents[2] / "docs/extending.md").read_text("utf-8")
ENTRY = 'entries: [{kind: method, name: m, summary: s, answers: "WORD", object: "NAME:M"}]\n'
CODE = """
    from interp.method import Method
    class M(Method):
        def explain(self, model, images, targets, knowledge, context): ...
"""


@pytest.fixture
def other(package):
    """A registry with a method that answers a word, of a package that may add words."""

    def add(word: str, added: str = "") -> Path:
        name = package(CODE, added + ENTRY.replace("WORD", word))
        return Path(find_spec(name).origin).with_name("registry.yaml")

    return add


def answer_of(path: Path) -> str:
    (entry,) = read_manifest(path).entries
    assert isinstance(entry, MethodEntry)
    return entry.answers


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        *((word, word) for word in ANSWERS),
        *((word.removeprefix("which "), word) for word in ANSWERS),
        ("Which  Concepts", "which concepts"),
    ],
)
def test_known_words_and_short_ones(other, word, meant):
    assert answer_of(other(word)) == meant == find_answer(word, ANSWERS)


def test_an_unknown_word_is_one_line(other):
    path = other("which concept")
    with pytest.raises(RegistryError) as caught:
        read_manifest(path)
    assert str(caught.value) == (
        f"{path}: entries[0].answers: found 'which concept'; did you mean 'which concepts' or "
        "'which path' or 'which parts'?; a new word goes under the key answers, with its question"
    )
    with pytest.raises(InputError, match="found no answer 'tezt' of methods; did you mean 'text'"):
        known_answer("tezt", ANSWERS)


def test_a_package_adds_a_word(other, capsys, monkeypatch):
    path = other("rules", "answers: {which rules: Which rules does it follow?}\n")
    registry = Registry.load([path])
    assert answer_of(path) == "which rules"
    assert registry.answers["which rules"] == "Which rules does it follow?"
    answer = command_line(capsys)("list", "--answers", "rules", "--registry", str(path))
    assert answer.code == 0 and [line.split()[0] for line in answer.out.splitlines()] == ["m"]
    monkeypatch.setattr(method, "registry", lambda: registry)
    shown = {question: [e.name for e in alike] for question, alike in method.methods_by_question()}
    assert shown["Which rules does it follow?"] == ["m"] and "Where in the image?" in shown


@pytest.mark.parametrize("added", ["answers: [a]\n", "answers: {a: 3}\n", "answers: {a: ''}\n"])
def test_words_without_a_question_are_refused(other, added):
    with pytest.raises(RegistryError, match=r"answers: found .*expected"):
        read_manifest(other("where", added))


def test_words_are_listed_on_the_page():
    rows = dict(re.findall(r"^\| `([\w ]+)` \| ([^|]*\?) \|", PAGE, re.MULTILINE))
    assert rows == ANSWERS


def test_lists_by_answer_and_kind(capsys):
    interp = command_line(capsys)
    names = {
        each["name"] for each in interp("list", "--answers", "concepts", "--json").json["entries"]
    }
    assert names == {"craft", "tcav"}
    assert interp("list", "--answers", "text").out.strip() == ""
    readers = interp("list", "--kind", "reader", "--json").json["entries"]
    assert {each["kind"] for each in readers} == {"reader"}
    assert "found no answer 'concept'" in interp("list", "--answers", "concept").err
    assert "only methods answer" in interp("list", "readers", "--answers", "where").err
    assert "found the kinds readers and method" in interp("list", "readers", "--kind", "method").err


def test_suggestions_take_short_words_and_tell_unknown_ones(registry):
    with pytest.raises(InputError, match="found no method that answers 'text'; "):
        suggest(SuggestionRequest(question="text"))
    from interp.suggestion.suggest import _answering

    assert {each.name for each in _answering(registry, "concepts")} == {"craft", "tcav"}
