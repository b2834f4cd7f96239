"""Options in groups: dataclasses that a command takes become one option for each field."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature

import pytest
import typer
from typer.testing import CliRunner

from interp.cli import flags
from interp.cli.command import spread


@dataclass(frozen=True)
class Size:
    """A group with a required option."""

    width: int = flags.option("N", "Width in pixels.", default=..., least=1)
    height: int = flags.option("N", "Height in pixels.", default=2)


def area(name: str = flags.argument("NAME", "What it is."), *, size: Size, loud: bool = False):
    """Print an area."""
    typer.echo(f"{name}: {size.width * size.height}{'!' if loud else ''}")


def test_fields_become_parameters_where_the_group_stood():
    assert list(signature(spread(area)).parameters) == ["name", "width", "height", "loud"]


@pytest.mark.parametrize(
    ("words", "code", "out"),
    [
        (["lawn", "--width", "3"], 0, "lawn: 6\n"),
        (["--loud", "--height", "5", "lawn", "--width", "3"], 0, "lawn: 15!\n"),
        (["lawn"], 2, ""),
        (["lawn", "--width", "0"], 2, ""),
    ],
)
def test_the_function_is_handed_the_group(words, code, out):
    app = typer.Typer(rich_markup_mode=None)
    app.command()(spread(area))
    answer = CliRunner().invoke(app, words)
    assert (answer.exit_code, answer.stdout) == (code, out)


def test_no_two_groups_of_a_command_share_an_option():
    groups = (flags.Method, flags.Images, flags.Model, flags.Work, flags.Folder, flags.Shell)
    names = [name for group in groups for name in group.__dataclass_fields__]
    assert len(names) == len(set(names))
