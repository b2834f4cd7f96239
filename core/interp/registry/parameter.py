"""A method's parameters as forms and listings show them: name, type, default, bounds, meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    """One parameter in plain words."""

    name: str
    type: str
    default: Any
    description: str
    bounds: str
    choices: tuple[Any, ...]


def parameters(kind: type[Params]) -> list[Parameter]:
    """The parameters of a Params class, in its order."""
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
        choices=tuple(
            value
            for each in options
            for value in each.get("enum", [each["const"]] if "const" in each else [])
        ),
    )


def _resolved(schema: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref") or next((e.get("$ref") for e in schema.get("allOf", [])), None)
    return known[reference.rpartition("/")[2]] if reference else schema


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema or "const" in schema:
        return " | ".join(map(str, schema.get("enum", [schema.get("const")])))
    kind: str = schema.get("type", "any")
    return "none" if kind == "null" else kind
