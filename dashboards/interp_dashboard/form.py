"""Forms generated from a Params model: each parameter gets the widget for its type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
import yaml

from interp.errors import InputError
from interp.params import Params
from interp.plain_text import markdown
from interp.registry.parameter import Parameter, parameters
from interp.spec import Layer
from interp.storage.yaml_file import parse_yaml
from interp_dashboard.choice.layer import choose_layers, names_layers
from interp_dashboard.layout import grid

ACROSS = 2


def form(
    kind: type[Params],
    key: str,
    given: dict[str, Any],
    layers: Callable[[], Sequence[Layer]] = tuple,
) -> dict[str, Any]:
    """Widgets in two columns; returns the values that differ from the defaults, unchecked.

    Parameters that name files, code or devices of this machine are not offered. Those that name
    layers are picked in a drawing of the model's `layers`, where it shows any.
    """
    changed = {}
    offered = [each for each in parameters(kind) if not each.local]
    for column, each in grid(offered, ACROSS):
        with column:
            value = given.get(each.name, each.default)
            known = layers() if names_layers(each.name) else ()
            own = f"{key}.{each.name}"
            value = _layers(each, own, value, known) if known else _widget(each, own, value)
        if value != each.default:
            changed[each.name] = value
    return changed


def _widget(each: Parameter, key: str, value: Any) -> Any:
    label = markdown(each.name.replace("_", " "))
    words = markdown(". ".join(word for word in (each.description, each.bounds) if word))
    kinds = set(each.type.split(" or "))
    if each.type == "boolean":
        return st.checkbox(label, value=bool(value), key=key, help=words)
    if each.choices and kinds <= {" | ".join(map(str, each.choices)), "none"}:
        options = [*each.choices, *([None] if "none" in kinds else [])]
        return st.selectbox(label, options, options.index(value), key=key, help=words)
    if kinds <= {"integer", "none"}:
        return st.number_input(label, value=value, step=1, key=key, help=words)
    if kinds <= {"number", "none"}:
        number = None if value is None else float(value)
        return st.number_input(label, value=number, format="%g", key=key, help=words)
    return _text(label, key, value, words)


def _layers(each: Parameter, key: str, value: Any, layers: Sequence[Layer]) -> Any:
    label, several = markdown(each.name.replace("_", " ")), "array" in each.type
    given = list(value or ()) if several or not isinstance(value, str) else [value]
    picked = choose_layers(label, markdown(each.description), layers, given, several, key)
    return picked if several else next(iter(picked), None)


def _text(label: str, key: str, value: Any, words: str) -> Any:
    """Lists, names and mixed types, as YAML; an empty field means None."""
    plain = "" if value is None else yaml.safe_dump(value, default_flow_style=True)
    written = st.text_input(label, plain.replace("...", "").strip(), key=key, help=words)
    try:
        return parse_yaml(written) if written.strip() else None
    except yaml.YAMLError as error:
        raise InputError(f"{label}: {written!r} is not a value; write e.g. 3 or [a, b]") from error
