"""Tables in a terminal: nothing is wider than it, nothing is lost."""

from __future__ import annotations

import re

import pytest

from interp.cli.column import columns, size

ROWS = [
    ("name", "package", "what it does"),
    ("mint", "interp_mint", "coarse and fine superpixels that support a class " * 3),
    ("a-long-name-of-a-method", "another_package", "short"),
    ("漢字", "wide", "letters of two columns"),
]


@pytest.mark.parametrize("width", [72, 80, 100, 140])
def test_the_last_column_is_wrapped_below_its_beginning(width: int) -> None:
    lines = columns(ROWS, width)
    assert max(map(size, lines)) <= width
    begin = lines[0].index("what")
    going_on = [line for line in lines if not line[2:3].strip()]
    assert len(going_on) == len(lines) - len(ROWS)
    assert all(line[:begin].strip() == "" and line[begin] != " " for line in going_on)
    words = " ".join(line[begin:] for line in lines[1:-2]).split()
    assert words == ROWS[1][2].split()


@pytest.mark.parametrize("width", [30, 40, 80])
def test_a_table_without_room_is_folded_with_its_first_column(width: int) -> None:
    heads = ["method", *(f"metric-{each}" for each in range(12))]
    rows = [heads, *([name, *(f"0.{at}" for at in range(12))] for name in ("mint", "rise"))]
    lines = columns(rows, width)
    assert max(map(size, lines)) <= max(width, 2 + 8 + 24)
    assert re.findall(r"metric-\d+", "\n".join(lines)) == heads[1:]
    tables = "\n".join(lines).split("\n\n")
    assert len(tables) > 1
    for table in tables:
        assert [line.split()[0] for line in table.splitlines()] == ["method", "mint", "rise"]


def test_nothing_is_wrapped_where_nobody_looks(monkeypatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert len(columns(ROWS)) == len(ROWS)
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(size, columns(ROWS))) <= 60
    assert columns([]) == []


def test_hidden_characters_are_marked_and_one_row_stays_one() -> None:
    assert columns([("a\nb", "\x1b[31m")], None) == ["  a␊b  ␛[31m"]


@pytest.mark.parametrize(
    "words", ["list", "list methods", "list readers", "show rise", "show mint", "show deletion"]
)
def test_eighty_columns(words, interp, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    answer = interp(*words.split())
    wide = [line for line in answer.out.splitlines() if size(line) > 80]
    assert answer.code == 0 and wide == []
