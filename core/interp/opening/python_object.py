"""Objects that a user names by `package.module:name`, in the current folder or installed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from interp.errors import users_code


@contextmanager
def current_folder() -> Iterator[None]:
    """Make the current folder importable, as `python -m` does."""
    before = list(sys.path)
    sys.path.insert(0, "")
    try:
        yield
    finally:
        sys.path[:] = before


def find_object(module: str, name: str) -> Any:
    """The object behind a dotted name in a module; raises whatever importing it raises."""
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def named_object(name: str, called: str) -> Any:
    """The object that `package.module:name` names; what an error message calls it is `called`.

    The current folder is importable. Raises ModelError where that fails.
    """
    module, _, path = name.partition(":")
    with (
        current_folder(),
        users_code(f"{called} cannot be imported; expected the name of what a module holds"),
    ):
        return find_object(module, path)
