"""Layout of pictures from blocks, (h, w, 3) uint8 on white; text is measured so none is cut off."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from math import ceil

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from interp.plain_text import visible
from interp.result.plot import balanced

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

WHITE: Colour = (255, 255, 255)
INK: Colour = (33, 33, 33)
SOFT: Colour = (100, 100, 100)
GAP = 8
TEXT, SMALL, TITLE = 13, 12, 15
FEW = 6
"""The most tiles that stand two in a row."""


@lru_cache
def _font(size: int) -> Font:
    return ImageFont.load_default(size)


def _runs(line: str, size: int) -> list[tuple[str, Font]]:
    """Runs of a line, each with its font: Pillow's default has no superscript and no accents."""
    runs = []
    line = visible(line)
    for piece in re.split("(²)", re.sub(r"[\u2010-\u2015\u2212]", "-", line)):
        letters = unicodedata.normalize("NFKD", piece)
        plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
        runs.append((plain, _font(round(size * 0.65) if piece == "²" else size)))
    return runs


def text_width(line: str, size: int = TEXT) -> int:
    """Width of one line in pixels."""
    return ceil(sum(font.getlength(piece) for piece, font in _runs(line, size)))


def text_height(size: int = TEXT) -> int:
    """Distance from one line to the next in pixels."""
    return ceil(size * 1.35)


def wrap(content: str, width: int, size: int = TEXT) -> list[str]:
    """Words wrapped into lines of at most `width` pixels; longer words are broken."""
    lines = [""]
    for word in content.split():
        longer = f"{lines[-1]} {word}".strip()
        if text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines += _break(word, width, size)
    return [line for line in lines if line] or [""]


def _break(word: str, width: int, size: int) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and text_width(pieces[-1] + letter, size) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def text(
    content: str,
    width: int | None = None,
    size: int = TEXT,
    ink: Colour = INK,
    paper: Colour = WHITE,
    align: str = "left",
) -> np.ndarray:
    """A block of text, wrapped to `width` where one is given and then exactly that wide."""
    lines = [content] if width is None else wrap(content, width, size)
    widths = [text_width(line, size) for line in lines]
    full = max(width or 1, *widths, 1)
    sheet = Image.new("RGB", (full, text_height(size) * len(lines)), paper)
    draw = ImageDraw.Draw(sheet)
    for number, (line, taken) in enumerate(zip(lines, widths, strict=True)):
        left: float = {"left": 0, "center": (full - taken) // 2, "right": full - taken}[align]
        for piece, font in _runs(line, size):
            draw.text((left, number * text_height(size)), piece, fill=ink, font=font)
            left += font.getlength(piece)
    return np.array(sheet)


def blank(height: int, width: int, colour: Colour = WHITE) -> np.ndarray:
    """A block of one colour."""
    return np.full((height, width, 3), colour, np.uint8)


def pad(block: np.ndarray, margin: int, colour: Colour = WHITE) -> np.ndarray:
    """The block with a margin on every side."""
    sheet = blank(block.shape[0] + 2 * margin, block.shape[1] + 2 * margin, colour)
    return paste(sheet, block, margin, margin)


def paste(sheet: np.ndarray, block: np.ndarray, top: int, left: int) -> np.ndarray:
    """`sheet` with the block written into it, in place."""
    sheet[top : top + block.shape[0], left : left + block.shape[1]] = block
    return sheet


def column(blocks: Sequence[np.ndarray], gap: int = GAP, align: str = "left") -> np.ndarray:
    """Blocks one below the other."""
    width = max(block.shape[1] for block in blocks)
    height = sum(block.shape[0] for block in blocks) + gap * (len(blocks) - 1)
    sheet, top = blank(height, width), 0
    for block in blocks:
        spare = width - block.shape[1]
        paste(sheet, block, top, spare // 2 if align == "center" else 0)
        top += block.shape[0] + gap
    return sheet


def row(blocks: Sequence[np.ndarray], gap: int = GAP) -> np.ndarray:
    """Blocks one beside the other, their tops aligned."""
    turned = column([block.transpose(1, 0, 2) for block in blocks], gap)
    return np.ascontiguousarray(turned.transpose(1, 0, 2))


def flow(blocks: Sequence[np.ndarray], width: int, gap: int = GAP) -> np.ndarray:
    """Blocks in rows no wider than `width`, as words in a paragraph."""
    rows: list[list[np.ndarray]] = []
    left = 0
    for block in blocks:
        if not rows or left + block.shape[1] > width:
            rows.append([])
            left = 0
        rows[-1].append(block)
        left += block.shape[1] + gap
    return column([row(each, gap) for each in rows], gap)


def tile_width(count: int, width: int, gap: int = GAP) -> int:
    """Pixels across of each of `count` tiles that share a width: two in a row, or three if many.

    A picture no wider than a single map keeps its letters readable on a phone.
    """
    across = 2 if count <= FEW else 3
    return (width - (across - 1) * gap) // across


def tiles(blocks: Sequence[np.ndarray], width: int, gap: int = GAP) -> np.ndarray:
    """Blocks of one width in rows no wider than `width`, none with a single block at the end."""
    most = max(1, (width + gap) // (blocks[0].shape[1] + gap))
    across = balanced(len(blocks), most)
    rows = [row(blocks[at : at + across], gap) for at in range(0, len(blocks), across)]
    return column(rows, gap)


def stamp(picture: np.ndarray, block: np.ndarray) -> np.ndarray:
    """The block centred on the picture; the sheet is enlarged where the block is larger."""
    height, width = np.maximum(picture.shape[:2], block.shape[:2])
    sheet = blank(int(height), int(width))
    for each in (picture, block):
        paste(sheet, each, (height - each.shape[0]) // 2, (width - each.shape[1]) // 2)
    return sheet
