"""Remedies in Python's terms: what a flag of the command line is called in a program."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby

OPTION = re.compile(
    r"--(input|classes|activation|readout-param|readout|output-name|pixels|weights|device|"
    r"precision)(?: ((?:[\w.]+=)?[\w./:\-]+(?:,[\w./:\-]+)*))?"
)
"""A flag about a model with its value, as in `--input mean=.5,.5,.5` or `--classes FILE`."""
KEYED = {"input": "input", "readout-param": "readout_params"}
"""Flags whose values are key=value, and the option that they are the keys of."""
WORDS = ("and", "or", "if", "to", "with", "goes", "gives")
"""Words that follow a flag without being its value."""


def in_python(text: str) -> str:
    """The text with flags about a model as arguments of a call from Python.

        in_python("set with --input size=224")  # set with options=ModelOptions(input={"size": 224})

    What Python calls alike stays as it is.
    """
    return re.sub(rf"{OPTION.pattern}(?: (?={OPTION.pattern}){OPTION.pattern})*", _called, text)


def _called(found: re.Match[str]) -> str:
    flags, rest = [], ""
    for each in OPTION.finditer(found[0]):
        value = each[2] or ""
        if value.partition("=")[0] in WORDS:
            value, rest = "", f" {value}"
        end = value[len(value.rstrip(".,;:")) :]
        flags.append((each[1], value.removesuffix(end)))
        rest += end
    return f"options=ModelOptions({', '.join(_arguments(flags))}){rest}"


def _arguments(flags: Iterable[tuple[str, str]]) -> Iterable[str]:
    for flag, group in groupby(flags, key=lambda each: each[0]):
        values = [value for _, value in group]
        if flag in KEYED:
            pairs = ", ".join(map(_pair, values))
            yield f"{KEYED[flag]}={{{pairs}}}"
        else:
            names = flag == "classes" and values == ["FILE"]
            value = "[...]" if names else _value(values[-1])
            yield f"{flag.replace('-', '_')}={value}"


def _pair(text: str) -> str:
    """`size=224` as it stands in a dictionary."""
    key, equals, value = text.partition("=")
    return f'"{key}": {_value(value) if equals else "..."}'


def _value(text: str) -> str:
    """Numbers and placeholders in capitals as they are, several as a tuple; others quoted."""
    parts = text.split(",")
    if len(parts) > 1:
        return f"({', '.join(map(_value, parts))})"
    number = re.fullmatch(r"-?(\d+\.?\d*|\.\d+)", text)
    if not text or number or (text.isupper() and text.isalpha()):
        return (f"0{text}" if text.startswith(".") else text) or "..."
    return f'"{text}"'
