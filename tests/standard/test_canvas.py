"""Layout: no text is cut off and blocks land where they belong."""

import numpy as np
import pytest

from interp_standard.render.canvas import (
    INK,
    WHITE,
    blank,
    column,
    flow,
    pad,
    row,
    stamp,
    text,
    text_width,
    tiles,
    wrap,
)

WORDS = "R² of a fit: golden retriever, Donaudampfschifffahrtsgesellschaft_0123456789 é"


def ink(block: np.ndarray) -> int:
    return int((block < 128).all(-1).sum())


@pytest.mark.parametrize("width", [1, 30, 75, 200, 1000])
@pytest.mark.parametrize("size", [11, 13, 15])
def test_wrapping_loses_no_letter_and_keeps_to_the_width(width: int, size: int) -> None:
    lines = wrap(WORDS, width, size)
    assert "".join(lines).replace(" ", "") == WORDS.replace(" ", "")
    assert all(text_width(line, size) <= width for line in lines if len(line) > 1)


@pytest.mark.parametrize("words", ["gjpqy|", "WWWW", "R² 0.31", "fjord", "_"])
@pytest.mark.parametrize("align", ["left", "center", "right"])
@pytest.mark.parametrize("size", [12, 13, 15])
def test_ink_ends_inside_the_block(words: str, align: str, size: int) -> None:
    tight = text(words, size=size)
    roomy = text(words, tight.shape[1] + 40, size=size, align=align)
    assert ink(roomy) == pytest.approx(ink(tight), abs=2)
    assert (tight[-1] == WHITE).all()


def test_letters_that_the_font_lacks_are_still_read() -> None:
    assert (text("é\u2212") == text("e-")).all()
    assert text("R²").shape[1] > text("R").shape[1]
    assert not np.array_equal(text("R²")[:, -6:], text("R2")[:, -6:])


def test_column_and_row_place_blocks_apart() -> None:
    black, grey = blank(4, 6, (0, 0, 0)), blank(2, 3, (90, 90, 90))
    stacked, beside = column([black, grey], 5), row([black, grey], 5)
    assert stacked.shape == (11, 6, 3)
    assert (stacked[9:, :3] == 90).all() and (stacked[4:9] == 255).all()
    assert beside.shape == (4, 14, 3)
    assert (beside[:2, 11:] == 90).all() and (beside[:, 6:11] == 255).all()


@pytest.mark.parametrize("width", [10, 25, 60, 500])
def test_flow_keeps_every_block(width: int) -> None:
    blocks = [blank(5, 20, (0, 0, 0)) for _ in range(7)]
    sheet = flow(blocks, width, 4)
    assert ink(sheet) == 7 * 100
    assert sheet.shape[1] <= max(width, 20)


def test_stamp_grows_a_picture_smaller_than_the_words() -> None:
    sign = pad(text("no region"), 3)
    assert stamp(blank(2, 500), sign).shape == (sign.shape[0], 500, 3)
    assert ink(stamp(blank(2, 2), sign)) == ink(sign)


@pytest.mark.parametrize("count", range(2, 13))
@pytest.mark.parametrize("width", [210, 330, 450])
def test_no_tile_stands_alone_in_the_last_row(count: int, width: int) -> None:
    sheet = tiles([blank(10, 100, INK)] * count, width, 4)
    rows = (sheet[::14] == INK).all(-1).sum(1) // 100
    assert rows.sum() == count
    unavoidable = width < 450 and count % 2 == 1  # an odd number in two or three columns
    assert rows.min() > 1 or unavoidable
    assert sheet.shape[1] <= width
