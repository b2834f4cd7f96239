"""The command line in this process: what a command answers with, and how a test calls one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from interp.cli import main


class Answer(NamedTuple):
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Interp = Callable[..., Answer]


def command_line(capsys: pytest.CaptureFixture[str], **names: str) -> Interp:
    """What runs `interp`: call("show rise") or call("show", "rise").

    Each of `names` that stands in the single text is replaced by its value.
    """

    def call(*words: object) -> Answer:
        listed = [str(each) for each in words]
        if len(listed) == 1:
            for name, value in names.items():
                listed[0] = listed[0].replace(name, value)
            listed = listed[0].split()
        return Answer(main(listed), *capsys.readouterr())

    return call
