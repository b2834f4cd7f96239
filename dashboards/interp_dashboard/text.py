"""Messages in the words of the page, and names that a browser can be sent."""

from __future__ import annotations

import re

INPUT = re.compile(r"--input ([\w.]+=[^\s;]+)((?: (?:and )?--input [\w.]+=[^\s;]+)*)")
CONTROLS = {
    r"--classes FILE": "a file of Class names under Upload a model",
    r"--readout (\w+)": r"\1 under What it answers of Upload a model",
    r"[,;] name another (?:with )?--out(?: folder)?": "",
    r"--budget \S+": "fewer samples",
    r"(?:with |add )?(--[a-z][a-z-]*(?: (?!(?:if|or|and|to)\b)[\w.=:]+)?)": (
        r"\1 on the command line"
    ),
}
"""What a flag of the command line is on the page."""


def on_page(text: object) -> str:
    """A message in which flags of the command line are named as the controls of the page."""
    found = INPUT.sub(_field, str(text))
    for flag, control in CONTROLS.items():
        found = re.sub(flag, control, found)
    return found


def _field(found: re.Match[str]) -> str:
    """`mean=.5,std=.5 in the field Input`."""
    rest = (each.removeprefix("--input ") for each in re.split(r" (?:and )?(?=--input)", found[2]))
    return f"{','.join(filter(None, [found[1], *rest]))} in the field Input of Upload a model"


def readable(text: object) -> str:
    """Text that a browser can be sent; letters of files' names that are no Unicode become ?."""
    return str(text).encode("utf-8", "replace").decode("utf-8")
