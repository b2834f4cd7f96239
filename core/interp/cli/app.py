"""The commands, and those that plugin packages add."""

from __future__ import annotations

from collections.abc import Callable
from inspect import cleandoc
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from interp.cli import (
    catalogue,
    check,
    compare,
    data,
    diff,
    evaluate,
    fit,
    measure,
    new,
    suggest,
    tune,
)
from interp.cli import model as models
from interp.cli import run as runs
from interp.cli.command import Command, spread
from interp.errors import RegistryError, nearest
from interp.registry import Registry
from interp.version import own_version

COMMANDS: dict[str, Callable[..., Any]] = {
    "list": catalogue.list_registered,
    "show": catalogue.show,
    "layers": models.layers,
    "predict": models.predict,
    "suggest": suggest.suggest_methods,
    "run": runs.run_method,
    "fit": fit.fit_method,
    "merge": fit.merge_parts,
    "survey": runs.survey_method,
    "evaluate": evaluate.evaluate_methods,
    "measure": measure.measure_model,
    "tune": tune.tune_method,
    "rerun": diff.rerun,
    "compare": compare.compare_methods,
    "diff": diff.diff,
    "check": check.check_registered,
    "export": models.export,
    "data": data.write_data,
    "new": new.new_package,
}
UNKNOWN_OPTIONS = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Settings of commands that take a method's parameters as options, from their context."""


class Commands(TyperGroup):
    """The project's commands first; other names are looked up among those of packages."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command called `cmd_name`. Raises RegistryError for an unknown one."""
        return super().get_command(ctx, cmd_name) or self._of_package(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the project's commands; packages' by name alone, so that none is imported."""
        super().format_commands(ctx, formatter)
        if added := declared(Registry.load()):
            with formatter.section("Commands of packages"):
                formatter.write_dl([(name, f"from {package}") for name, package in added.items()])

    def _of_package(self, name: str) -> Any:
        registry = Registry.load()
        names = declared(registry)
        if name not in names:
            raise RegistryError(
                f"unknown command {name!r}, and no installed package brings it; "
                f"{nearest(name, [*self.commands, *names])}"
            )
        added = typer.Typer(rich_markup_mode=None)
        added.callback()(lambda: None)
        registry.hook("interp_commands", app=added)
        found = typer.main.get_group(added).get_command(None, name)  # type: ignore[arg-type]
        if type(found) is TyperCommand:
            found.__class__ = Command  # its help looks like that of our own
        return found


def declared(registry: Registry) -> dict[str, str]:
    """Commands that packages declare, each with its package."""
    return {name: each.package for each in registry.hooks("interp_commands") for name in each.names}


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 100},
)
for name, function in COMMANDS.items():
    # \b keeps the lines of the examples apart, where click fills paragraphs.
    text = cleandoc(function.__doc__ or "").replace("\n\nExamples\n", "\n\n\b\nExamples\n")
    settings = UNKNOWN_OPTIONS if "context" in function.__annotations__ else None
    app.command(name, cls=Command, help=text, context_settings=settings)(spread(function))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"interp {own_version()}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def interp(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
    _debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; may stand anywhere.")
    ] = False,
) -> None:
    """Explain vision models: any method on any model, side by side.

    \b
    Start with
      interp list                  what is installed
      interp run --plugin mint     explain the sample image with the default model
      interp run --help            how to name your own model, images and classes
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
