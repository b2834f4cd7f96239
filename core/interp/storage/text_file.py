"""Text files that a user names: regular files of a bounded size in UTF-8."""

from __future__ import annotations

from pathlib import Path

from interp.errors import InputError

MOST = 16 << 20
"""Bytes of a text file that is read whole."""


def read_text(path: Path, most: int = MOST) -> str:
    """The text of a regular file, without a byte-order mark.

    Raises InputError for what is no regular file, is larger than `most` bytes, or is not UTF-8.
    """
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is not a file; expected one of text")
        size = path.stat().st_size
        if size > most:
            raise InputError(
                f"{path} has {size / 1e6:,.0f} MB; expected at most {most / 1e6:,.0f} MB of text"
            )
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{path}: cannot be read ({reason}); check the path") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: cannot be read as text ({error.reason}); expected UTF-8"
        ) from error
