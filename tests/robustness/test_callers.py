"""Every row of the table of callers: the usual map, or refused in one line; no state is changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import PIL
import pytest
import torch
from callers_page import CALLERS_PAGE, page

from robustness.caller import Caller, check
from robustness.callers import CALLERS

LEAST = 30
"""Rows that the table must have."""


def rows(slow: bool) -> list[Caller]:
    return [each for each in CALLERS if each.slow == slow]


@pytest.mark.parametrize("caller", rows(slow=False), ids=lambda each: each.name)
def test_a_caller(caller: Caller, tmp_path: Path) -> None:
    if "YCbCr" in caller.name and int(PIL.__version__.split(".")[0]) < 13:
        pytest.skip("this Pillow cannot read the file that it writes")
    check(caller, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("caller", rows(slow=True), ids=lambda each: each.name)
def test_a_slow_caller(caller: Caller, tmp_path: Path) -> None:
    check(caller, tmp_path)


def test_the_table_is_long_and_has_no_name_twice() -> None:
    assert len({(each.kind, each.name) for each in CALLERS}) == len(CALLERS) >= LEAST


def test_a_wrong_answer_is_found(tmp_path: Path) -> None:
    """A caller whose random numbers are changed, one not refused, one refused in other words."""
    plain = next(each for each in CALLERS if each.refused is None)
    drawing = replace(plain, call=lambda _: torch.rand(1))
    with pytest.raises(AssertionError, match="torch's random numbers"):
        check(drawing, tmp_path)
    with pytest.raises(AssertionError, match="not refused"):
        check(replace(plain, refused="something"), tmp_path)
    refused = next(each for each in CALLERS if each.refused is not None)
    with pytest.raises(AssertionError):
        check(replace(refused, refused="other words"), tmp_path)


def test_the_page_of_callers_is_up_to_date() -> None:
    assert CALLERS_PAGE.read_text("utf-8") == page(), "run python docs/callers_page.py"
