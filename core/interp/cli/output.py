"""What the commands print: lines, or one JSON object."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from textwrap import wrap
from typing import TYPE_CHECKING, Any, TextIO

import typer

from interp.cli.column import size, terminal_width
from interp.plain_text import json_escapes, terminal

STDOUT = 1

if TYPE_CHECKING:
    from interp.explanation import Prediction


def number(value: Any) -> str:
    """A number with four significant digits; other values as text."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def answer(image: str, prediction: Prediction, most: int | None = None) -> str:
    """`photo.jpg: tiger cat 0.91, tabby 0.06`; values have four significant digits."""
    pairs = list(zip(prediction.classes, prediction.probabilities, strict=True))[:most]
    digits = 2 if prediction.unit == "probability" else 4
    return f"{image}: {', '.join(f'{name} {chance:.{digits}g}' for name, chance in pairs)}"


def _wrapped(line: str) -> list[str]:
    """A line for the terminal; a sentence or a note goes on below, what may be copied does not."""
    line, width = terminal(line), terminal_width()
    if width is None or size(line) <= width or not (line.endswith(".") or line.startswith("note:")):
        return [line]
    return wrap(line, width, break_long_words=False, break_on_hyphens=False)


_result: TextIO | None = None
"""Where `say` writes while everything else that is printed goes to stderr."""


def say(as_json: bool, facts: dict[str, Any], lines: Iterable[str]) -> None:
    """Print `facts` as one JSON object, or else the lines."""
    if as_json:
        text = json.dumps(_finite(facts), ensure_ascii=False, default=str)
        typer.echo(json_escapes(text), file=_result)
    else:
        typer.echo("\n".join(piece for each in lines for piece in _wrapped(each)), file=_result)


@contextmanager
def only_results(for_good: bool = False) -> Iterator[None]:
    """Within the block only `say` writes to stdout; what else is printed goes to stderr.

    Also what libraries of C and started processes print. `for_good` leaves it so after the block,
    since packages may print as the program ends.
    """
    global _result
    before, ours = _result, sys.stdout
    stream, undo = _stdout_to_stderr(ours)
    _result, sys.stdout = stream, sys.stderr
    try:
        yield
    finally:
        try:
            stream.flush()
        finally:
            _result, sys.stdout = before, ours
            if not for_good:
                undo()


def _stdout_to_stderr(ours: TextIO) -> tuple[TextIO, Callable[[], None]]:
    """A stream to where the process's stdout leads, which then leads to stderr; and the undoing.

    A stream that is not the process's, such as a test's, is returned as it is.
    """
    try:
        if ours.fileno() != STDOUT:
            return ours, lambda: None
        kept, errors = os.dup(STDOUT), sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):  # closed, or no file
        return ours, lambda: None
    ours.flush()
    os.dup2(errors, STDOUT)
    stream = os.fdopen(kept, "w", encoding=ours.encoding, errors="backslashreplace")

    def undo() -> None:
        os.dup2(kept, STDOUT)
        with suppress(OSError):  # told when it was flushed
            stream.close()

    return stream, undo


def _finite(value: Any) -> Any:
    """`value` with null for NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
