"""A choice as the part of an address behind the question mark, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from pydantic import Field

from interp.cli.parse import settings
from interp.errors import InputError
from interp.request import DEFAULT_MODEL, Choice
from interp.spec import Plain

FIRST = ("mint", "chip", "gradcam", "rise")
"""Ticked where an address says nothing."""


class Chosen(Plain):
    """What a visitor chose on the page of comparisons; uploads are no part of an address."""

    model: str = Field(DEFAULT_MODEL, description="its name in the list of models")
    images: tuple[str, ...] = ("two",)
    targets: tuple[str, ...] = Field((), description="classes by name or index")
    methods: tuple[Choice, ...] = tuple(Choice(name=each) for each in FIRST)


def to_query(chosen: Chosen) -> dict[str, list[str]]:
    """`?model=...&image=...&target=...&method=...&set=mint.regions=2`."""
    said = [
        f"{each.name}.{key}={json.dumps(value)}"
        for each in chosen.methods
        for key, value in each.params.items()
    ]
    return {
        "model": [chosen.model],
        "image": list(chosen.images),
        "target": list(chosen.targets),
        "method": [each.name for each in chosen.methods],
        "set": said,
    }


def from_query(query: Mapping[str, Sequence[str]]) -> Chosen:
    """What an address says, the defaults for the rest; InputError for a slip."""
    plain = Chosen()
    params: dict[str, dict[str, object]] = {}
    for key, value in settings(query.get("set", ())).items():
        method, dot, name = key.partition(".")
        if not dot:
            raise InputError(f"set={key}: expected METHOD.KEY=VALUE, e.g. mint.regions=2")
        params.setdefault(method, {})[name] = value
    methods = query.get("method") or [each.name for each in plain.methods]
    return Chosen(
        model=next(iter(query.get("model", ())), plain.model),
        images=tuple(query.get("image") or plain.images),
        targets=tuple(query.get("target", ())),
        methods=tuple(Choice(name=each, params=params.get(each, {})) for each in methods),
    )
