"""Errors that interp raises; each says what was found, what was expected and what to do.

InterpError
├── InputError          an image, data set, target, parameter or folder cannot be used
│   └── OutputError     an output cannot be written: no room, no permission
├── ModelError          a model cannot be opened, or its scores are not numbers
├── RegistryError       a registry.yaml is wrong, or a name is not registered
├── UnsupportedError    a method needs what the model does not offer
├── PluginError         a plugin failed; names the plugin and keeps the cause
└── Cancelled           the user asked to stop
    └── TooLongError    the work would take more than a day
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

FULL = ("no space left", "file too large", "quota exceeded")
"""Parts of the system's messages where there is no room."""
WRAPPED = re.compile(r"^.*I/O error: | \(os error \d+\)$")
"""What safetensors writes around the system's message."""
TERMINAL_CODE = re.compile(r"\x1b\[[\d;]*[A-Za-z]")


NO_MEMORY = "memory ran out; choose smaller numbers, a smaller image, --batch-size or --budget"
"""What is said of it, wherever it happens."""


class InterpError(Exception):
    """Root of the errors that interp raises on purpose; the command line ends with `exit_code`."""

    exit_code = 2


class InputError(InterpError):
    """An image, data set, target, parameter or folder cannot be used as given."""


class OutputError(InputError):
    """An output cannot be written, such as on a full disk; what was kept before is whole."""


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


class HelperDone(SystemExit):
    """Ends, without a failure, a process that helped the first one to train."""


class TooLongError(Cancelled):
    """The run was ended since it would take more than a day; --yes lets it go on."""

    exit_code = 2


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of an error message: the known names closest to `name`, else all of them."""
    names, name = list(known), str(name)
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
    try:
        text = TERMINAL_CODE.sub("", str(error)).strip() or type(error).__name__
    except Exception:  # a class of a package's own, whose __str__ fails
        text = type(error).__name__
    return text.splitlines()[0][:limit]


def is_refusal(error: BaseException) -> bool:
    """Whether the system refused to read or write; safetensors has an error of its own for it."""
    return isinstance(error, OSError) or type(error).__name__ == "SafetensorError"


def refusal(error: BaseException) -> str:
    """What the system refused to read or write, in its words, and what to do."""
    reason = getattr(error, "strerror", None) or WRAPPED.sub("", first_line(error))
    full = any(word in str(error).lower() for word in FULL)
    cure = "make room and give the same command again" if full else "check it, or name another"
    return f"{reason}; {cure}"


def out_of_memory(error: BaseException) -> bool:
    """Whether an error of any library says that memory ran out."""
    signs = ("out of memory", "can't allocate memory", "unable to allocate")
    return isinstance(error, MemoryError) or any(each in str(error).lower() for each in signs)


@contextmanager
def blamed(name: str, did: str = "failed") -> Iterator[None]:
    """Turn any other error inside the block into a PluginError that names the plugin.

    Also sys.exit and whatever else leaves no ordinary error, so that a plugin cannot end what runs
    beside it; all but KeyboardInterrupt, which is the user's, and the end of a generator.
    """
    try:
        yield
    except (InterpError, KeyboardInterrupt, GeneratorExit, HelperDone):
        raise
    except BaseException as error:
        if out_of_memory(error):
            raise InputError(f"{name}: {NO_MEMORY}") from error
        raise PluginError(f"{name} {did}: {type(error).__name__}: {first_line(error)}") from error


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
    except (InterpError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # the user's code: anything can happen
        raise ModelError(f"{failure}: {type(error).__name__}: {first_line(error)}") from error
