"""A selection as the query of an address, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from interp.errors import InputError, InterpError, PluginError
from interp.opening.named import open_method
from interp.registry import Registry
from interp.registry.parameter import parameters
from interp.request import DEFAULT_MODEL, Choice
from interp.spec import Plain

DEFAULT_METHODS = ("mint", "chip", "gradcam", "rise")
"""Ticked where an address names no method, unless they are found poor on the model."""
KEYS = ("model", "beside", "image", "target", "method", "set", "run", "session")
"""The last two are not the selection's: whether it runs by itself, and whose results are shown."""


class Selection(Plain):
    """What a visitor selected on the page Compare; uploads cannot be part of an address."""

    model: str = Field(DEFAULT_MODEL, description="its name in the list of models")
    beside: str | None = Field(None, description="another one's, to be set beside it")
    images: tuple[str, ...] = ("two",)
    targets: tuple[str, ...] = Field((), description="classes by name or index")
    methods: tuple[Choice, ...] = Field((), description="none: those that are usual for the model")


def to_query(selection: Selection) -> dict[str, list[str]]:
    """`?model=...&image=...&target=...&method=...&set=mint.regions=2`."""
    return {
        "model": [selection.model],
        "beside": [] if selection.beside is None else [selection.beside],
        "image": list(selection.images),
        "target": list(selection.targets),
        "method": [each.name for each in selection.methods],
        "set": [
            f"{each.name}.{key}={json.dumps(value)}"
            for each in selection.methods
            for key, value in each.params.items()
        ],
    }


def from_query(
    query: Mapping[str, Sequence[str]], registered: Registry
) -> tuple[Selection, tuple[str, ...]]:
    """The selection in an address, with defaults for the rest.

    What cannot be used of it is left out, and told in one line each.
    """
    default, told = Selection(), [f"{key}: expected {', '.join(KEYS)}" for key in _unknown(query)]
    params: dict[str, dict[str, object]] = {}
    for text in query.get("set", ()):
        try:
            method, name, value = _setting(text)
        except InputError as error:
            told.append(str(error))
        else:
            params.setdefault(method, {})[name] = value
    names = dict.fromkeys(query.get("method", ()))
    told += [f"set={each}: this method is not chosen" for each in params if each not in names]
    found = [_choice(registered, each, params.get(each, {}), told) for each in names]
    return Selection(
        model=next(iter(query.get("model", ())), default.model),
        beside=next(iter(query.get("beside", ())), None),
        images=tuple(dict.fromkeys(query.get("image") or default.images)),
        targets=tuple(dict.fromkeys(query.get("target", ()))),
        methods=tuple(each for each in found if each is not None),
    ), tuple(told)


def runs_itself(query: Mapping[str, Sequence[str]]) -> bool:
    """Whether the comparison of an address starts without a press on Run: `run=yes`."""
    return any(each.lower() in ("yes", "true", "1") for each in query.get("run", ()))


def _unknown(query: Mapping[str, Sequence[str]]) -> list[str]:
    return [each for each in query if each not in KEYS]


def _choice(
    registered: Registry, name: str, params: dict[str, object], told: list[str]
) -> Choice | None:
    """The method with those of its parameters that can be used; None for an unknown one."""
    try:
        registered.entry("method", name)
    except InterpError as error:
        told.append(str(error))
        return None
    kept: dict[str, Any] = {}
    for key, value in params.items():
        try:
            kept |= _usable(registered, name, {**kept, key: value})
        except PluginError:
            break  # the page tells it where the method stands
        except InterpError as error:
            told.append(str(error))
    return Choice(name=name, params=kept)


def _usable(registered: Registry, name: str, params: dict[str, Any]) -> dict[str, Any]:
    """The parameters as the method reads them.

    Raises InputError for those that it does not take, or not from an address.
    """
    read = open_method(registered, name, params).params
    for each in parameters(type(read)):
        if each.local and each.name in params:
            raise InputError(
                f"{name}.{each.name} names a file or a device of the server, which an address may "
                "not; start it on the command line"
            )
    plain = read.model_dump(mode="json")
    return {key: plain[key] for key in params}


def _setting(text: str) -> tuple[str, str, object]:
    """Method, parameter and value of `mint.regions=2`. Raises InputError for another text."""
    key, equals, value = text.partition("=")
    method, dot, name = key.partition(".")
    if not dot or not equals:
        raise InputError(f"set={text[:80]}: expected METHOD.KEY=VALUE, e.g. mint.regions=2")
    return method, name, _value(value)


def _value(text: str) -> object:
    """A value as JSON, or a word as it stands. Raises InputError for a list that is not whole."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        if text[:1] in ("[", "{", '"'):
            raise InputError(f"set=...={text[:40]}: not a value; write e.g. 3 or [1,2]") from error
        return text
