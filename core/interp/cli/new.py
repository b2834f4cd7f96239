"""`interp new`: writes a package of one kind, which works from the start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

from interp.cli import flags
from interp.cli.column import columns
from interp.errors import InputError
from interp.scaffold import (
    KINDS,
    Kind,
    Names,
    check_free,
    filled,
    kind_of,
    names_of,
    write_package,
)


def new_package(
    kind: str | None = flags.argument(
        "KIND", f"What to write: {', '.join(KINDS)}. [default: asked]", default=None
    ),
    name: str | None = flags.argument(
        "NAME", "What it is called, such as steepest-slope. [default: asked]", default=None
    ),
    *,
    out: Path | None = flags.option("DIR", "Folder to write, new or empty. [default: interp-NAME]"),
    shell: flags.Shell,
) -> None:
    """Write a package of your own: a method or another kind.

    It installs, is listed, checked and run at once; what it does is small and real, to be replaced
    by yours. NAME becomes the registered name, and the package interp_NAME. docs/contracts.md says
    of each kind what must be registered and implemented.

    Examples
      interp new method steepest-slope
      interp new metric evenness --out ~/evenness
      interp new
    """
    chosen = kind_of(kind or _asked("Which kind", _menu()))
    names = names_of(name or _asked(f"What is the {chosen.name} called", ()))
    check_free(chosen, names, shell.registry)
    folder = out or Path(names.distribution)
    written = write_package(chosen, names, folder)
    trial = [filled_in.replace("my-name", names.name) for filled_in in chosen.trial]
    facts = {
        "kind": chosen.name,
        "name": names.name,
        "package": names.package,
        "folder": str(folder),
        "files": [str(each) for each in written],
        "next": _next(names, folder, trial),
    }
    shell.say(facts, _words(chosen, names, folder, trial))


def _menu() -> Iterator[str]:
    yield from columns([(each.name, each.summary) for each in KINDS.values()])


def _asked(question: str, lines: Iterator[str] | tuple[str, ...]) -> str:
    """The answer to a question; InputError where nobody can answer."""
    for line in lines:
        typer.echo(line, err=True)
    try:
        typer.echo(f"{question}? ", nl=False, err=True)
        return input().strip()
    except EOFError as error:
        raise InputError(
            "found no answer; give both words, as in: interp new method steepest-slope"
        ) from error


def _next(names: Names, folder: Path, trial: list[str]) -> list[str]:
    """The commands that come next."""
    return [
        f"pip install --editable {folder}",
        f"interp check --package {names.package}",
        *trial,
        f"python -m pytest {folder}",
    ]


def _words(kind: Kind, names: Names, folder: Path, trial: list[str]) -> Iterator[str]:
    yield f"wrote {folder}: the {kind.name} {names.name!r}, which works and is to be made yours"
    yield from (f"  {each}" for each in filled(kind, names))
    yield "next"
    yield from (f"  {each}" for each in _next(names, folder, trial))
