"""What is printed: columns, one JSON object, a progress bar only where somebody looks."""

from __future__ import annotations

import io
import json
import sys

from interp.cli.column import columns
from interp.cli.output import say
from interp.cli.run import score_table
from interp.progress_bar import progress_bar


def test_columns_align_and_stay_ragged_at_the_end():
    assert columns([("a", "bb", "c"), ("aaa", "b", "")]) == ["  a    bb  c", "  aaa  b"]


def test_json_has_no_nan(capsys):
    say(True, {"scores": {"a": float("nan"), "b": [float("inf"), 1.5]}}, ["unused"])
    assert json.loads(capsys.readouterr().out) == {"scores": {"a": None, "b": [None, 1.5]}}


def test_scores_per_target_are_one_table():
    scores = {"dog": {"r2": 0.91234, "residual": 1e-6}, "cat": {"r2": 0.5}, "seconds": 3}
    assert list(score_table(scores)) == [
        "  score     dog     cat  of all",
        "  r2        0.9123  0.5  –",
        "  residual  1e-06   –    –",
        "  seconds   –       –    3",
    ]


def test_no_bar_where_nobody_looks(capsys):
    with progress_bar() as progress:
        progress("chunks", 1, 2)
    assert capsys.readouterr() == ("", "")


def test_a_log_has_a_line_a_minute_of_long_work_alone(capsys, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    with progress_bar() as progress:
        for clock[0] in range(0, 150, 10):
            progress("chunks", clock[0], 200)
        progress("chunks", 200, 200)
    lines = capsys.readouterr().err.splitlines()
    assert [line.rsplit(" ", 3)[1] for line in lines] == ["60", "120", "200"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_on_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress_bar() as progress:
        for done in range(4):
            progress("chunks", done, 3)
    assert "chunks" in sys.stderr.getvalue()


def test_sentences_go_on_in_the_next_line_and_what_is_copied_does_not(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    sentence = "note: the score-cam map of this image is noisy; take more samples"
    command = "run them: interp compare --plugins gradcam,score-cam --image a/long/place.jpg"
    say(False, {}, [sentence, command, f"{command}."])
    note, lines = [], capsys.readouterr().out.splitlines()
    while lines[0] != command:
        note.append(lines.pop(0))
    assert " ".join(note) == sentence and max(map(len, note)) <= 40
    assert " ".join(lines[1:]) == f"{command}."


def test_scores_of_a_poor_fit_are_marked():
    scores = {"ant": {"r2 deep": 0.31, "r2": 0.7, "reliability": 0.4, "same answer": 0.1}}
    assert list(score_table(scores)) == [
        "  score        ant",
        "  r2 deep      0.31, poor",
        "  r2           0.7",
        "  reliability  0.4, poor",
        "  same answer  0.1",
    ]
