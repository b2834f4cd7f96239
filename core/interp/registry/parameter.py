"""Parameters as forms and listings show them: name, type, default, bounds, description."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from interp.errors import blamed
from interp.params import Params

BOUNDS = {
    "minimum": ">=",
    "exclusiveMinimum": ">",
    "maximum": "<=",
    "exclusiveMaximum": "<",
    "multipleOf": "multiple of",
}


@dataclass(frozen=True)
class Parameter:
    """A field of a Params class, described by its JSON schema."""

    name: str
    type: str
    default: Any
    description: str
    bounds: str
    choices: tuple[Any, ...]
    local: bool = False
    """Whether it names a file, code or devices of the machine; see interp.params.LOCAL."""


def parameters(kind: type[Params]) -> list[Parameter]:
    """The fields of a Params class, in their order."""
    with blamed(f"{kind.__module__}:{kind.__qualname__}"):
        schema = kind.model_json_schema()
    known = schema.get("$defs", {})
    return [_parameter(name, each, known) for name, each in schema["properties"].items()]


def _parameter(name: str, schema: dict[str, Any], known: dict[str, Any]) -> Parameter:
    options = [_resolved(each, known) for each in schema.get("anyOf", [schema])]
    return Parameter(
        name=name,
        type=" or ".join(_type(each) for each in options),
        default=schema.get("default"),
        description=schema.get("description", ""),
        bounds=", ".join(
            f"{sign} {each[key]}" for each in options for key, sign in BOUNDS.items() if key in each
        ),
        choices=tuple(value for each in options for value in _choices(each)),
        local=bool(schema.get("local")),
    )


def _resolved(schema: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref") or next((e.get("$ref") for e in schema.get("allOf", [])), None)
    return known[reference.rpartition("/")[2]] if reference else schema


def _type(schema: dict[str, Any]) -> str:
    kind: str = " | ".join(map(str, _choices(schema))) or schema.get("type", "any")
    return "none" if kind == "null" else kind


def _choices(schema: dict[str, Any]) -> list[Any]:
    return schema.get("enum", [schema["const"]] if "const" in schema else [])
