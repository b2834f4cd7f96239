"""The commands, and those that plugin packages add."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from interp.cli import catalogue, check, compare, data, diff, evaluate, export, measure, model, run
from interp.cli import fit as learn
from interp.cli.extra import PASSED_ON
from interp.errors import RegistryError, nearest

if TYPE_CHECKING:
    from interp.registry import Registry


class Commands(TyperGroup):
    """Our commands first; other names are looked up among those that packages declare."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command called `cmd_name`; RegistryError where nobody has it."""
        return super().get_command(ctx, cmd_name) or self._declared(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Ours with what they do; packages' by name alone, so that none is imported for it."""
        super().format_commands(ctx, formatter)
        if added := declared(_registry()):
            with formatter.section("Commands of packages"):
                formatter.write_dl([(name, f"from {package}") for name, package in added.items()])

    def _declared(self, name: str) -> Any:
        registry = _registry()
        names = declared(registry)
        if name not in names:
            known = [*self.commands, *names]
            raise RegistryError(
                f"unknown command {name!r}, and no installed package brings it; "
                f"{nearest(name, known)}"
            )
        added = typer.Typer()
        added.callback()(lambda: None)
        registry.hook("interp_commands", app=added)
        return typer.main.get_group(added).get_command(None, name)  # type: ignore[arg-type]


def declared(registry: Registry) -> dict[str, str]:
    """Commands that packages declare, each with its package."""
    return {name: each.package for each in registry.hooks("interp_commands") for name in each.names}


def _registry() -> Registry:
    from interp.registry import Registry

    return Registry.load()


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"interp {version('interp')}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show the traceback of an error; may stand anywhere.")
]


@app.callback(invoke_without_command=True)
def interp(context: typer.Context, _version: Version = False, _debug: Debug = False) -> None:
    """Explain vision models: any method on any model, side by side.

    \b
    Start with
      interp list                  what is installed
      interp run --plugin mint     explain the sample image with the default model
      interp run --help            how to name your own model, images and classes
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.command("list")(catalogue.list_registered)
app.command("show")(catalogue.show)
app.command("layers")(model.layers)
app.command("predict")(model.predict)
app.command("run", context_settings=PASSED_ON)(run.run_request)
app.command("fit", context_settings=PASSED_ON)(learn.fit_request)
app.command("merge")(learn.merge_parts)
app.command("survey", context_settings=PASSED_ON)(learn.survey_request)
app.command("evaluate")(evaluate.evaluate_request)
app.command("measure")(measure.measure_model)
app.command("rerun")(run.rerun)
app.command("compare")(compare.compare_methods)
app.command("diff")(diff.diff)
app.command("check", context_settings=PASSED_ON)(check.check_methods)
app.command("export")(export.export)
app.command("data")(data.write_data)
