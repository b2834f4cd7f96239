"""The command line: every error is one line, and its exit code says whose mistake it was."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from interp.errors import (
    NO_MEMORY,
    Cancelled,
    InputError,
    InterpError,
    is_refusal,
    out_of_memory,
    refusal,
)
from interp.plain_text import visible

LONGEST = 390
"""Letters of an error's line."""
ONLY_RESULTS = ("--json", "--workers", "--cluster")
"""Options with which nothing but results is written to stdout: Ray prints there what died."""
STOPPED = Cancelled("stopped on request; nothing was written")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and return the exit code.

    0: done; 1: a plugin failed, there is a bug, or the command answers no (check, rerun); 2: the
    user's mistake; 130: stopped.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:
        # what a scheduler sends ends a run as Ctrl-C does: what was done is kept
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    debug, hook = "--debug" in words, sys.excepthook
    try:
        _check_surroundings()
        from interp.cli.app import COMMANDS, app
        from interp.cli.output import only_results
        from interp.cli.quiet import libraries_silent

        kept = [word for word in words if word != "--debug"]
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be no text
        own = kept[:1] and kept[0] in COMMANDS
        with ExitStack() as stack:
            if own and not debug:
                stack.enter_context(libraries_silent())
            if own and any(word.startswith(ONLY_RESULTS) for word in kept):
                stack.enter_context(only_results(for_good=arguments is None))
            code = app(kept, prog_name="interp", standalone_mode=False) or 0
    except BaseException as error:
        if debug:
            raise
        return _report(error)
    finally:
        sys.excepthook = hook  # the command-line library sets its own
    return _report(STOPPED) if code == STOPPED.exit_code else code


def _report(error: BaseException) -> int:
    """Print what went wrong in one line on stderr, and return the exit code."""
    if isinstance(error, SystemExit):
        return int(error.code or 0)
    if isinstance(error, BrokenPipeError):  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        error = STOPPED
    words, code = _message(error)
    if sys.stderr is not None:  # it may be closed
        with suppress(OSError):
            sys.stderr.write(f"error: {_shortened(' '.join(words.split()))}\n")
    return code


def _shortened(words: str) -> str:
    """A message of at most LONGEST letters: what it cites is cut, its beginning and end are not."""
    words = words.encode("utf-8", "backslashreplace").decode()  # letters that are no text
    words = visible(words)
    if len(words) <= LONGEST:
        return words
    return f"{words[: LONGEST // 2]} ... {words[-(LONGEST // 2 - 5) :]}"


def _message(error: BaseException) -> tuple[str, int]:
    if isinstance(error, InterpError):
        return str(error), error.exit_code
    # The command-line library's own usage errors; where they are defined depends on its version.
    if hasattr(error, "format_message"):
        return f"{error.format_message().rstrip('.')}; {_help(error)}", 2
    if is_refusal(error):
        file = getattr(error, "filename", None)
        return f"{file or 'output cannot be written'}: {refusal(error)}", 2
    if out_of_memory(error):
        return NO_MEMORY, 2
    return f"{type(error).__name__}: {error} (--debug shows where)", 1


def _help(error: BaseException) -> str:
    """Where the user reads what a command takes."""
    command = getattr(getattr(error, "ctx", None), "command_path", "interp")
    return f"see {command} --help"


def _check_surroundings() -> None:
    """Raise InputError where the working directory is gone: libraries look for files in it."""
    try:
        Path.cwd()
    except OSError as error:
        raise InputError(
            "the working directory was removed; change to one that is there"
        ) from error
