"""The documentation's pages: their blocks of code, and the command lines that they show."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (
    *sorted(DOCS.rglob("*.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
)
FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^    .*\n)+", re.MULTILINE)


class Block(NamedTuple):
    """A block of code: its language as the page says it, "" for none, and its text."""

    language: str
    code: str


def name(page: Path) -> str:
    """A page's place in the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page."""
    return [
        Block(words.partition(" ")[0].strip(), dedent(code))
        for _, words, code in FENCE.findall(text)
    ]


def commands(text: str) -> list[list[str]]:
    """The words of each `interp` command line in a page's blocks, without `interp` and comments."""
    shown = [each.code for each in blocks(text) if each.language in ("", "console", "text")]
    lines = re.sub(r"\\\n\s*", " ", "".join((*shown, *INDENTED.findall(FENCE.sub("", text)))))
    found = re.findall(r"^ *(?:\$ )?interp ([a-z].*)", lines, re.MULTILINE)
    return [shlex.split(each, comments=True) for each in found]


def mentions(text: str) -> list[list[str]]:
    """The words of each command that a page names in the middle of a sentence."""
    found = re.findall(r"`interp ([a-z][^`\n]*)`", FENCE.sub("", text))
    return [shlex.split(each) for each in found]
