"""The command line: every error is one line, and its exit code says whose mistake it was."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from interp.errors import Cancelled, InterpError

STOPPED = Cancelled("stopped on request; nothing was written")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0, 1 for a plugin's failure or a bug, 2 for the user's mistake, 130."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    try:
        code = _run([word for word in words if word != "--debug"])
    except BaseException as error:
        if debug:
            raise
        return _report(error)
    return _report(STOPPED) if code == STOPPED.exit_code else code


def _run(words: list[str]) -> int:
    from interp.cli.app import app

    return app(words, prog_name="interp", standalone_mode=False) or 0


def _report(error: BaseException) -> int:
    """Say what went wrong in one line on stderr, and return the exit code."""
    if isinstance(error, SystemExit):
        return int(error.code or 0)
    if isinstance(error, BrokenPipeError):
        sys.stderr.close()
        return 1
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        error = STOPPED
    words, code = _message(error)
    sys.stderr.write(f"error: {' '.join(words.split())}\n")
    return code


def _message(error: BaseException) -> tuple[str, int]:
    if isinstance(error, InterpError):
        return str(error), error.exit_code
    # The command-line library's own usage errors; where they are defined depends on its version.
    if hasattr(error, "format_message"):
        return error.format_message(), 2
    return f"{type(error).__name__}: {error} (--debug shows where)", 1
