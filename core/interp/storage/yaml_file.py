"""Reading YAML files; an error names the file, the key, what was found and the nearest name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from interp.errors import InputError, RegistryError, first_line, nearest
from interp.record import explain, shown
from interp.storage.text_file import read_text

Model = TypeVar("Model", bound=BaseModel)
Keys = tuple[str | int, ...]

MOST, DEPTH, NODES = 4 << 20, 100, 200_000
"""Bytes of a YAML file, levels of nesting, and parts of a value that are read."""


class DocumentError(Exception):
    """Something wrong at a key of a YAML or JSON document; who opened the file adds its name."""

    def __init__(self, keys: Keys, message: str) -> None:
        super().__init__(message)
        self.keys = keys

    def at(self, path: Path) -> RegistryError:
        """The error as the user reads it: `file: entries[3].needs[0]: ...`."""
        where = f"{path}: {key_path(self.keys)}" if self.keys else str(path)
        return RegistryError(f"{where}: {self}")


def key_path(keys: Keys) -> str:
    """Keys as one word: `entries[3].needs[0]`."""
    words = (f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return "".join(words).removeprefix(".")


def read_yaml(path: Path) -> Any:
    """The document in a YAML file. Raises RegistryError that names the file and the line."""
    import yaml

    try:
        text = read_text(path, MOST)
    except InputError as error:
        raise RegistryError(f"{error}; expected a registry.yaml") from error
    try:
        return parse_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise RegistryError(f"{path}:{line} not valid YAML: {problem}; check the file") from error


def parse_yaml(text: str) -> Any:
    """The value of a YAML text, without tags of other programs. Raises yaml.YAMLError.

    Refused before anything is built: a value nested deeper than DEPTH, or of more than NODES parts
    once its aliases are followed, which a few lines can ask for.
    """
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_size(text, loader)
        return yaml.load(text, Loader=loader)
    except (ValueError, OverflowError) as error:  # thousands of digits, a 13th month, half a letter
        raise yaml.YAMLError(first_line(error)) from error


def _check_size(text: str, loader: Any) -> None:
    """Raise yaml.YAMLError for a value too deep or too large, without building it."""
    import yaml

    sizes, open_parts = dict[str, int](), [(0, "")]
    for event in yaml.parse(text, Loader=loader):
        name = getattr(event, "anchor", None) or ""
        if isinstance(event, yaml.CollectionStartEvent):
            open_parts.append((1, name))
            size = 0
        elif isinstance(event, yaml.CollectionEndEvent):
            size, name = open_parts.pop()
        elif isinstance(event, yaml.AliasEvent):
            size, name = sizes.get(name, 1), ""
        else:
            size = isinstance(event, yaml.ScalarEvent)
        if name and size:
            sizes[name] = size
        total, own = open_parts[-1]
        open_parts[-1] = total + size, own
        if len(open_parts) > DEPTH or total + size > NODES:
            raise yaml.MarkedYAMLError(
                problem=f"found a value nested deeper than {DEPTH} or of more than {NODES:,} parts",
                problem_mark=event.start_mark,  # type: ignore[arg-type]
            )


def one_of(value: object, known: Iterable[str], keys: Keys) -> str:
    """The value. Raises DocumentError unless it is one of `known`."""
    names = list(known)
    if value not in names:
        raise DocumentError(keys, f"found {shown(value)}; {nearest(str(value), names)}")
    return str(value)


def as_mapping(value: object, keys: Keys) -> dict[Any, Any]:
    """The value. Raises DocumentError unless it is a mapping."""
    if not isinstance(value, dict):
        raise DocumentError(keys, f"found {shown(value)}; expected a mapping of keys to values")
    return value


def as_list(value: object, keys: Keys) -> list[Any]:
    """The value. Raises DocumentError unless it is a list."""
    if not isinstance(value, list):
        raise DocumentError(keys, f"found {shown(value)}; expected a list")
    return value


def as_record(kind: type[Model], value: object, keys: Keys) -> Model:
    """The value as a record of `kind`. Raises DocumentError at the first key that is wrong."""
    try:
        return kind.model_validate(as_mapping(value, keys))
    except ValidationError as error:
        problem: Any = error.errors()[0]
        raise DocumentError((*keys, *problem["loc"]), explain(kind, problem)) from error
