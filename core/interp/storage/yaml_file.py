"""Slips in a YAML file, told with file, key path, what was found and the nearest right name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from interp.errors import RegistryError, nearest

if TYPE_CHECKING:
    from pydantic import BaseModel

    Model = TypeVar("Model", bound=BaseModel)

Keys = tuple[str | int, ...]


class Slip(Exception):
    """Something wrong at a key of a document whose file the raiser need not know."""

    def __init__(self, keys: Keys, message: str) -> None:
        super().__init__(message)
        self.keys = keys

    def error(self, path: Path) -> RegistryError:
        """The slip as the user reads it: `file: entries[3].needs[0]: ...`."""
        where = f"{path}: {key_path(self.keys)}" if self.keys else str(path)
        return RegistryError(f"{where}: {self}")


def key_path(keys: Keys) -> str:
    """`entries[3].needs[0]`."""
    words = (f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return "".join(words).removeprefix(".")


def read_yaml(path: Path) -> Any:
    """The document in a YAML file; RegistryError names the file and the line."""
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RegistryError(
            f"{path}: cannot be read ({error}); expected a registry.yaml"
        ) from error
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise RegistryError(f"{path}:{line} not valid YAML: {problem}") from error


def one_of(value: object, known: Iterable[str], keys: Keys) -> str:
    """`value` if it is one of `known`; Slip otherwise."""
    names = list(known)
    if value not in names:
        raise Slip(keys, f"found {shown(value)}; {nearest(str(value), names)}")
    return str(value)


def a_mapping(value: object, keys: Keys) -> dict[Any, Any]:
    """`value` if it is a mapping; Slip otherwise."""
    if not isinstance(value, dict):
        raise Slip(keys, f"found {shown(value)}; expected a mapping of keys to values")
    return value


def a_list(value: object, keys: Keys) -> list[Any]:
    """`value` if it is a list; Slip otherwise."""
    if not isinstance(value, list):
        raise Slip(keys, f"found {shown(value)}; expected a list")
    return value


def a_record(kind: type[Model], value: object, keys: Keys) -> Model:
    """`value` as a record of `kind`; Slip at the first key that is wrong."""
    from pydantic import ValidationError

    try:
        return kind.model_validate(a_mapping(value, keys))
    except ValidationError as error:
        problem: Any = error.errors()[0]
        raise Slip((*keys, *problem["loc"]), _explain(kind, problem)) from error


def shown(value: object) -> str:
    """What was found, short enough for one line."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _explain(kind: type[BaseModel], problem: dict[str, Any]) -> str:
    *parents, key = problem["loc"]
    if problem["type"] == "extra_forbidden":
        return f"unknown key; {nearest(str(key), _fields(kind, parents))}"
    if problem["type"] == "missing":
        return f"missing; expected the keys {', '.join(_required(kind, parents))}"
    found = f"found {shown(problem['input'])}"
    if problem["type"] in ("literal_error", "enum"):
        choices = re.findall("'([^']*)'", problem["ctx"]["expected"])
        return f"{found}; {nearest(str(problem['input']), choices)}"
    return f"{found}; {problem['msg'][0].lower()}{problem['msg'][1:]}"


def _fields(kind: type[BaseModel], path: Iterable[str | int]) -> dict[str, Any]:
    """The fields of the record that a path of keys leads to, from a record of `kind`."""
    fields = kind.model_fields
    for key in path:
        if isinstance(key, str):
            inner = fields[key].annotation
            fields = next(
                each.model_fields
                for each in (inner, *get_args(inner))
                if hasattr(each, "model_fields")
            )
    return fields


def _required(kind: type[BaseModel], path: Iterable[str | int]) -> list[str]:
    return [name for name, field in _fields(kind, path).items() if field.is_required()]
