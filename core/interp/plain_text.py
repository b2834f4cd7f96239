"""Names and texts that others wrote, as plain text: in a terminal, on a page, in Markdown.

File names, class names, models' and plugins' texts may hold what a terminal obeys, what turns the
order of letters around, or what Markdown makes a link or a picture of.
"""

from __future__ import annotations

import re

HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control characters, those that are invisible or turn the direction of writing around, and halves
of characters, as in names of files that are no Unicode."""
PICTURES = 0x2400
"""Unicode's pictures of the control characters 0 to 31, as ␛ for escape."""
MARKDOWN = re.compile(
    r"[\\`*\[\]|~<$@]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # not within a word, where it is a letter
    r"|&(?=#?\w+;)|:(?=[\w/+-])|(?<=www)\."
    r"|^>|^(?:[-+=]|#{1,6}|\d+[.)])(?=\s|$)"
)
"""What Markdown reads as more than a letter, wherever it stands or at the beginning of a line."""


def visible(text: str) -> str:
    """The text in one line, with a visible mark for each character that is none.

    visible("a\\x1b]0;b")  # a␛]0;b
    """
    return HIDDEN.sub(_mark, text)


def terminal(text: str) -> str:
    """Lines for a terminal: as `visible`, with the line breaks and tabs kept."""
    return re.sub(HIDDEN, lambda each: each[0] if each[0] in "\n\t" else _mark(each), text)


def html(value: object) -> object:
    """A value for a template, which escapes it: text as `visible`, anything else as it is."""
    return visible(value) if type(value) is str else value


def json_escapes(text: str) -> str:
    """JSON with escapes for all hidden characters; its own line breaks are kept."""
    return re.sub(HIDDEN, lambda each: each[0] if each[0] == "\n" else _escape(each[0]), text)


def markdown(text: object) -> str:
    """Text in Markdown that is shown as it is: no link, picture, formula or emphasis."""
    return MARKDOWN.sub(lambda each: f"{each[0][:-1]}\\{each[0][-1]}", visible(str(text)))


def _mark(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(PICTURES + code) if code < 0x20 else "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"


def _escape(letter: str) -> str:
    """A character in JSON: two escapes for one beyond the 16 bits of an escape."""
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
