"""Arguments in a source's name: `NAME@width=32,layers=[2, 2]`."""

from __future__ import annotations

import ast
from typing import Any

import yaml

from interp.errors import ModelError
from interp.storage.yaml_file import parse_yaml


def split_arguments(text: str) -> tuple[str, dict[str, Any]]:
    """The name before the `@`, and the arguments behind it by their names.

    Values are Python's or YAML's; a word without `=` goes on with a list. Raises ModelError for
    anything else.

        split_arguments("net:build@width=32,size=64,48")  # ("net:build", {"width": 32, ...})
    """
    name, mark, rest = text.partition("@")
    given: dict[str, list[str]] = {}
    key = ""
    for word in rest.split(",") if mark else ():
        before, equals, value = word.partition("=")
        if equals and before.strip().isidentifier():
            key = before.strip()
            given[key] = [value]
        elif key:
            given[key].append(word)
        else:
            raise ModelError(f"{text}: found {word!r} after @; expected NAME@key=value,key=value")
    return name, {key: _value(text, words) for key, words in given.items()}


def _value(source: str, words: list[str]) -> object:
    """A number, text, list or truth value; several words are a list, unless brackets hold them."""
    text = ",".join(words).strip()
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        pass
    try:
        return parse_yaml(f"[{text}]" if len(words) > 1 and text[0] not in "[{(" else text)
    except yaml.YAMLError as error:
        raise ModelError(f"{source}: {text!r} is neither a Python nor a YAML value") from error
