"""Each mistake: one line, the right exit code, no traceback without --debug, nothing written."""

from __future__ import annotations

import pytest

PLAIN = "--plugin occlude-grid --model toy --image square.png --out made"
MISTAKES = [
    ("lst", 2, "unknown command 'lst'"),
    ("dashbord", 2, "no installed package brings it; did you mean 'dashboard'"),
    ("run", 2, "Missing option '--plugin'"),
    ("list --jsn", 2, "No such option: --jsn"),
    ("run --plugin occlude", 2, "unknown method 'occlude'; did you mean 'occlude-grid'"),
    (f"run {PLAIN} --model toi", 2, "unknown model 'toi'; did you mean 'toy'"),
    (f"run {PLAIN} --model net.onnx", 2, "net.onnx: no such model file"),
    (f"run {PLAIN} --model net.tflite", 2, "no registered adapter opens '.tflite' files"),
    (f"run {PLAIN} --model toy:nan", 2, "answers NaN"),
    (f"run {PLAIN} --model toy:shape", 2, "expected (1, 3) class scores"),
    (f"run {PLAIN} --image missing.png", 2, "no such image"),
    (f"run {PLAIN} --target be", 2, "unknown target 'be'; did you mean 'bee'"),
    (f"run {PLAIN} --target 3", 2, "out of range"),
    (f"run {PLAIN} --set cell=4", 2, "no parameter 'cell'; did you mean 'cells'"),
    (f"run {PLAIN} --set cells=many", 2, "cells = 'many'"),
    (f"run {PLAIN} --set cells=1", 2, "greater than or equal to 2"),
    (f"run {PLAIN} --set cells", 2, "--set cells: expected key=value"),
    (f"run {PLAIN} --set cells=[", 2, "not a YAML value"),
    (f"run {PLAIN} --budget soon", 2, "--budget soon: expected samples"),
    (f"run {PLAIN} --budget 0", 2, "--budget 0: expected samples"),
    (f"run {PLAIN} --budget 2.5", 2, "--budget 2.5: expected samples"),
    (f"run {PLAIN} --batch-size 0", 2, "--batch-size"),
    (f"run {PLAIN} --seed -1", 2, "--seed"),
    (f"run {PLAIN} --input sise=4", 2, "--input has no field 'sise'; did you mean 'size'"),
    (f"run {PLAIN} --input size=big", 2, "--input size: found 'big'"),
    (f"run {PLAIN} --input 224", 2, "expected field=value"),
    (f"run {PLAIN} --precision fp8", 2, "--precision"),
    (f"run {PLAIN} --registry none.yaml", 2, "none.yaml: cannot be read"),
    (f"run {PLAIN} --out full", 2, "full exists and is not empty"),
    (f"run {PLAIN} --out square.png/made", 2, "not a folder that can be written to"),
    (f"run {PLAIN} --knowledge nowhere", 2, "nowhere"),
    ("run --plugin occlude-grid --resume", 2, "--resume"),
    (f"run {PLAIN} --model toy:interrupted", 130, "stopped on request; nothing was written"),
    ("layers toyy", 2, "unknown model 'toyy'"),
    ("predict --model toy --image made.png", 2, "no such image"),
    ("rerun square.png", 2, "found no manifest.json"),
    ("data noise --out made", 1, "noise failed: ValueError: torn"),
    ("data nois --out made", 2, "unknown dataset 'nois'; did you mean 'noise'"),
    ("data noise", 2, "Missing option '--out'"),
    ("data noise --out made --count 0", 2, "--count"),
]


@pytest.fixture
def mistake(interp, example, picture, tmp_path):
    """Run a command line; `full` is a folder that is not empty."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")

    def call(line: str):
        words = line.split()
        takes_registry = words[0] in ("run", "predict", "layers")
        return interp(*words, *(("--registry", example) if takes_registry else ()))

    return call


@pytest.mark.parametrize(("line", "code", "message"), MISTAKES)
def test_mistake_is_one_line(mistake, tmp_path, line, code, message):
    before = sorted(each.name for each in tmp_path.iterdir())
    answer = mistake(line)
    assert answer.code == code, answer
    assert answer.err.startswith("error: ")
    assert answer.err.count("\n") == 1
    assert message in answer.err
    assert answer.out == ""
    assert sorted(each.name for each in tmp_path.iterdir()) == before


def test_failing_plugin_is_exit_one(interp, package, picture):
    entry = "{kind: method, name: bad, package: NAME, summary: s, needs: [], answers: where}"
    package("1 / 0", f"entries: [{entry}]", installed=True)
    answer = interp("run", "--plugin", "bad", "--model", "toy", "--image", picture)
    assert answer.code == 1
    assert "could not be imported: ZeroDivisionError" in answer.err
    assert answer.err.count("\n") == 1


def test_unexpected_error_is_one_line_with_a_hint(interp, monkeypatch):
    def fail(*_):
        raise RuntimeError("a bug\nof two lines")

    monkeypatch.setattr("interp.registry.Registry.load", fail)
    answer = interp("list")
    assert answer.code == 1
    assert answer.err == "error: RuntimeError: a bug of two lines (--debug shows where)\n"


def test_a_message_is_cut_in_the_middle_of_what_it_cites(interp):
    answer = interp("show", "x" * 5000)
    assert answer.code == 2
    assert answer.err.startswith("error: nothing is registered as 'xxx")
    assert len(answer.err) < 400 and " ... " in answer.err


def test_an_unknown_option_says_where_the_options_are(interp):
    assert interp("list --jsn").err.endswith("; see interp list --help\n")


@pytest.mark.parametrize(
    "line",
    [
        f"run {PLAIN} --set cells=2",
        "data creatures --count 3 --out made",
        "compare --plugins occlude-grid --model toy --image square.png --out made",
    ],
)
def test_work_of_more_than_a_day_needs_a_yes(interp, example, picture, monkeypatch, tmp_path, line):
    monkeypatch.setattr("interp.context.DAY", -1.0)
    monkeypatch.setattr("interp.context.MEASURED", 0.0)
    answer = interp(*line.split(), "--registry", example)
    assert answer.code == 2 and "or add --yes" in answer.err
    assert answer.err.count("\n") == 1
    assert interp(*line.split(), "--registry", example, "--out", "other", "--yes").code == 0


@pytest.mark.parametrize("words", [["--debug", "show", "nope"], ["show", "nope", "--debug"]])
def test_debug_shows_the_traceback(interp, words):
    from interp.errors import RegistryError

    with pytest.raises(RegistryError):
        interp(*words)


def test_command_of_a_package(interp):
    answer = interp("greet", "you")
    assert (answer.code, answer.out) == (0, "hello you\n")


def test_version_and_help(interp):
    assert interp("--version").out.startswith("interp ")
    assert "interp run --plugin mint" in interp().out
    for command in ("list", "show", "layers", "predict", "run", "rerun", "data"):
        assert "Examples\n    interp" in interp(command, "--help").out
