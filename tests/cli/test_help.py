"""The help of every command: its layout, its words and its options."""

from __future__ import annotations

import inspect
import re
from inspect import cleandoc

import pytest
import typer

from interp.cli.app import app, declared
from interp.registry import Registry

GROUP = typer.main.get_group(app)
CONTEXT = typer.Context(GROUP, info_name="interp")
NAMES = [*GROUP.commands, *declared(Registry.load())]
WIDTHS = (80, 120)
METHOD_COMMANDS = ("run", "fit", "survey")
METHODS_COMMANDS = ("compare", "evaluate")
OUT_COMMANDS = ("run", "fit", "compare", "evaluate")


def command(name: str):
    """A command as the command line finds it."""
    return GROUP.get_command(CONTEXT, name)


@pytest.fixture
def help_of(interp, monkeypatch):
    """What --help prints in a terminal of some width."""

    def call(name: str, width: int = 80) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        answer = interp(*name.split(), "--help")
        assert answer.code == 0
        return answer.out

    return call


def examples(name: str) -> list[str]:
    """The lines of the Examples block in a command's source."""
    source = cleandoc(inspect.getdoc(command(name).callback) or "")
    return [line.strip() for line in source.partition("Examples\n")[2].splitlines() if line]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_every_example_stands_on_its_own_line(help_of, name, width):
    block = help_of(name, width).partition("  Examples\n")[2].partition("\n\n")[0]
    assert examples(name)
    assert block.splitlines() == [f"    {line}" for line in examples(name)]
    assert all(re.match(r"interp \w+", line) for line in examples(name))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["", *GROUP.commands])
def test_no_line_is_wider_than_the_terminal(help_of, name, width):
    text = help_of(name, width)
    assert [line for line in text.splitlines() if len(line) > width] == []


def test_no_summary_is_cut_short(help_of):
    listed = help_of("").partition("Commands:")[2].partition("Commands of packages:")[0]
    assert len(listed.splitlines()) > len(GROUP.commands) and "..." not in listed


@pytest.mark.parametrize("name", GROUP.commands)
def test_every_option_says_what_it_does(name):
    for each in command(name).params:
        assert each.help[0].isupper() and each.help[-1] in ".]", each.name


@pytest.mark.parametrize("name", METHOD_COMMANDS)
def test_a_method_is_named_by_plugin_or_method(name):
    (found,) = (each for each in command(name).params if each.name == "plugin")
    assert found.opts == ["--plugin", "--method"]


@pytest.mark.parametrize("name", METHODS_COMMANDS)
def test_methods_are_named_by_plugins_or_methods(name):
    (found,) = (each for each in command(name).params if each.name == "plugins")
    assert found.opts == ["--plugins", "--methods"]


@pytest.mark.parametrize("name", OUT_COMMANDS)
def test_resume_is_accepted_where_the_same_command_goes_on(help_of, name):
    text = " ".join(help_of(name).split())
    assert "--resume Accepted; the same command with --out goes on by itself." in text
    assert "where it was stopped" in text


def test_options_stand_under_headings(help_of):
    headings = re.findall(r"^(\w[\w ]*):$", help_of("run"), re.MULTILINE)
    assert headings == ["Method", "Images", "Model", "Computation", "Output", "Options"]
    assert re.findall(r"^(\w[\w ]*):$", help_of("list"), re.MULTILINE) == ["Arguments", "Options"]


def test_the_default_and_the_bounds_stand_together(help_of):
    for name in GROUP.commands:
        told = " ".join(help_of(name).split())
        assert not re.search(r"\[default: [^\]]*\] \[(at |\d)", told)


def test_names_are_whole_wherever_a_line_ends(help_of):
    for width in range(60, 100):
        told = help_of("evaluate", width)
        assert "\u2011" not in told
        assert "score-cam," in told and "integrated-gradients," in told
