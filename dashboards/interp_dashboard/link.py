"""A selection as the query of an address, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from pydantic import Field

from interp.errors import InputError
from interp.request import DEFAULT_MODEL, Choice
from interp.spec import Plain

DEFAULT_METHODS = ("mint", "chip", "gradcam", "rise")
"""Ticked where an address names no method."""


class Selection(Plain):
    """What a visitor selected on the page Compare; uploads cannot be part of an address."""

    model: str = Field(DEFAULT_MODEL, description="its name in the list of models")
    images: tuple[str, ...] = ("two",)
    targets: tuple[str, ...] = Field((), description="classes by name or index")
    methods: tuple[Choice, ...] = tuple(Choice(name=each) for each in DEFAULT_METHODS)


def to_query(selection: Selection) -> dict[str, list[str]]:
    """`?model=...&image=...&target=...&method=...&set=mint.regions=2`."""
    return {
        "model": [selection.model],
        "image": list(selection.images),
        "target": list(selection.targets),
        "method": [each.name for each in selection.methods],
        "set": [
            f"{each.name}.{key}={json.dumps(value)}"
            for each in selection.methods
            for key, value in each.params.items()
        ],
    }


def from_query(query: Mapping[str, Sequence[str]]) -> Selection:
    """The selection in an address, with defaults for the rest. Raises InputError for a mistake."""
    default = Selection()
    params: dict[str, dict[str, object]] = {}
    for text in query.get("set", ()):
        key, equals, value = text.partition("=")
        method, dot, name = key.partition(".")
        if not dot or not equals:
            raise InputError(f"set={text}: expected METHOD.KEY=VALUE, e.g. mint.regions=2")
        params.setdefault(method, {})[name] = _value(value)
    methods = query.get("method") or [each.name for each in default.methods]
    return Selection(
        model=next(iter(query.get("model", ())), default.model),
        images=tuple(query.get("image") or default.images),
        targets=tuple(query.get("target", ())),
        methods=tuple(Choice(name=each, params=params.get(each, {})) for each in methods),
    )


def _value(text: str) -> object:
    """A value as JSON, or a word as it stands. Raises InputError for a list that is not whole."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        if text[:1] in ("[", "{", '"'):
            raise InputError(f"set=...={text[:40]}: not a value; write e.g. 3 or [1,2]") from error
        return text
