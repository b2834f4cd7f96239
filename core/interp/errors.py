"""Errors that interp raises; each says what was found, what was expected and what to do.

InterpError
├── InputError          an image, data set, target, parameter or folder cannot be used
├── ModelError          a model cannot be opened, or its scores are not numbers
├── RegistryError       a registry.yaml is wrong, or a name is not registered
├── UnsupportedError    a method needs what the model does not offer
├── PluginError         a plugin failed; names the plugin and keeps the cause
└── Cancelled           the user asked to stop
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

TERMINAL_CODE = re.compile(r"\x1b\[[\d;]*[A-Za-z]")


class InterpError(Exception):
    """Root of the errors that interp raises on purpose; the command line ends with `exit_code`."""

    exit_code = 2


class InputError(InterpError):
    """An image, data set, target, parameter or folder cannot be used as given."""


class ModelError(InterpError):
    """A model cannot be opened, or its outputs are not class scores."""


class RegistryError(InterpError):
    """A registry file is wrong, or a name is not registered."""


class UnsupportedError(InterpError):
    """A method or metric needs a capability that the model does not offer."""


class PluginError(InterpError):
    """A plugin failed to import, to register what it declared, or to run."""

    exit_code = 1


class Cancelled(InterpError):
    """The run was stopped before its end; nothing was written."""

    exit_code = 130


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of an error message: the known names closest to `name`, else all of them."""
    names = list(known)
    folded = {each.casefold(): each for each in names}
    close = [folded[each] for each in get_close_matches(name.casefold(), folded, n=3)]
    if close:
        return f"did you mean {' or '.join(repr(each) for each in close)}?"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"known: {shown or 'none'}"


def first_line(error: BaseException, limit: int = 200) -> str:
    """The first line of an error's message, else its class name, to be part of another message.

    Codes for colours in a terminal are left out.
    """
    text = TERMINAL_CODE.sub("", str(error)).strip() or type(error).__name__
    return text.splitlines()[0][:limit]


@contextmanager
def blamed(name: str) -> Iterator[None]:
    """Turn any other error inside the block into a PluginError that names the plugin."""
    try:
        yield
    except (InterpError, KeyboardInterrupt):
        raise
    except Exception as error:
        raise PluginError(f"{name} failed: {type(error).__name__}: {first_line(error)}") from error


@contextmanager
def about(name: object) -> Iterator[None]:
    """Let the message of an InputError inside the block begin with what it is about."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


@contextmanager
def users_code(failure: str) -> Iterator[None]:
    """Turn any other error inside the block into a ModelError that begins with `failure`."""
    try:
        yield
    except InterpError:
        raise
    except Exception as error:  # the user's code: anything can happen
        raise ModelError(f"{failure}: {type(error).__name__}: {first_line(error)}") from error
