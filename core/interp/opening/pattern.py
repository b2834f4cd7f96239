"""Patterns of what a user names: a file, a folder that holds a file, a source with a prefix."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

FOLDER = "folder:"
"""Begins the pattern of a folder: what follows names, or matches, something that is in it."""


def fits(source: str, pattern: str) -> bool:
    """Whether a source fits `*.onnx`, `timm:*`, or as a folder `folder:F`; F may have asterisks."""
    if not pattern.startswith(FOLDER):
        return fnmatchcase(source, pattern)
    inside, folder = pattern.removeprefix(FOLDER), Path(source)
    if "*" not in inside:
        return (folder / inside).is_file()
    return folder.is_dir() and (inside == "*" or next(folder.glob(inside), None) is not None)


def is_case_of(pattern: str, other: str) -> bool:
    """Whether a pattern is a special case of another one: `instances_*.json` is one of `*.json`."""
    return pattern != other and fnmatchcase(pattern, other)


def most_special(patterns: Iterable[str]) -> list[str]:
    """The patterns of which no other one is a special case."""
    listed = list(dict.fromkeys(patterns))
    return [each for each in listed if not any(is_case_of(other, each) for other in listed)]
