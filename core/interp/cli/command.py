"""How functions become commands: shared options are spread out, and the help has headings."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints

from typer.core import TyperCommand

UNBROKEN = "\u2011"
"""A hyphen that does not end a line: a name that goes on in the next one cannot be copied."""
NAMES = 30
"""Widest column of option names, in characters; longer names get a line of their own."""


PLACES = (
    (r"^(\w+) <.*>$", r"\1"),  # an argument is called by what it takes
    (r" <int(eger)?( range)?>", " N"),
    (r" <float( range)?>", " NUMBER"),
    (r" <(str|text)>", " TEXT"),
)
WORDS = (
    (r"\s+\[", " ["),
    (r"(\S+)<=x<=(\S+)\]", r"\1 to \2]"),
    (r"x>=(\S+)\]", r"at least \1]"),
    (r"x<=(\S+)\]", r"at most \1]"),
    (r"\] \[(at |\S+ to )", r"; \1"),
    (r"(?<=[a-z]),(?=[a-z-]+[,\]])", ", "),
    (r"(?<=\w)-(?=\w)", UNBROKEN),
)
"""What the command-line library writes of options and their bounds, and what our help says."""


class Command(TyperCommand):
    """A command whose help lists the options under their headings (`rich_help_panel`)."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The usage line, with arguments called as in the help below it."""
        return [each.strip("{}") for each in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write one section for each heading, all with the same columns."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for each in self.get_params(ctx):
            usual = "Arguments" if each.param_type_name == "argument" else "Options"
            heading = getattr(each, "rich_help_panel", None) or usual
            if record := each.get_help_record(ctx):
                sections.setdefault(heading, []).append(_in_our_words(*record))
        longest = max(len(name) for rows in sections.values() for name, _ in rows)
        width = min(longest, NAMES)
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), text) for name, text in rows])
        formatter.buffer[:] = [each.replace(UNBROKEN, "-") for each in formatter.buffer]


def _in_our_words(place: str, text: str) -> tuple[str, str]:
    """An option's name with what it takes, and its help, in one style."""
    for pattern, words in PLACES:
        place = re.sub(pattern, words, place)
    for pattern, words in WORDS:
        text = re.sub(pattern, words, text)
    return place, text


def spread(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, taking the fields of its dataclass parameters one by one.

    Each field becomes an option of the command; the function is handed the dataclasses:

        def run(image: str, work: Work): ...
        spread(run)(image="photo.jpg", amount="30s", until="samples", batch_size=None, seed=0)
    """
    hints = get_type_hints(function)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}

    @wraps(function)
    def command(**values: Any) -> Any:
        for name, group in groups.items():
            values[name] = group(**{each.name: values.pop(each.name) for each in fields(group)})
        return function(**values)

    parameters = [
        Parameter(key, Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, own in signature(function).parameters.items()
        for key, default, kind in (
            _fields(groups[name]) if name in groups else [(name, own.default, hints[name])]
        )
    ]
    command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


def _fields(group: Any) -> list[tuple[str, Any, Any]]:
    """Name, default and type of each field."""
    types = get_type_hints(group)
    return [(each.name, each.default, types[each.name]) for each in fields(group)]
