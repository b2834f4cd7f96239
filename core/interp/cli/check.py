"""`interp check`: whether methods keep the common rules, and their word where it can be told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interp.cli.extra import own_flags, parameters
from interp.cli.flags import Json, Registries, Set
from interp.cli.output import columns, say
from interp.cli.progress import progress_bar
from interp.errors import InputError

if TYPE_CHECKING:
    from interp.registry import Registry
    from interp.testing import Finding

LEGEND = (
    "pass, FAIL: the method claims it; (pass), (fail): it does not; -: its answers leave "
    "nothing to measure"
)


def check_methods(
    context: typer.Context,
    plugins: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PLUGIN]...", help="Methods; see interp list. [default: all]"),
    ] = None,
    set_: Set = None,
    samples: Annotated[
        int | None, typer.Option(min=100, metavar="N", help="Of sampled methods. [default: 1000]")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what was found there too, as JSON.")
    ] = None,
    registry: Registries = None,
    json: Json = False,
) -> None:
    """Check methods on models whose explanation is known; exit code 1 where a promise is broken.

    Conformance is what every method must keep: same seed same answer, the model left as it was,
    and more. The other columns are claims that a registry.yaml makes for a method (claims: [...]);
    what is not claimed is measured and shown all the same. One method alone is shown in full.

    \b
    Examples
      interp check
      interp check mint
      interp check my-method --registry my_package/registry.yaml --cells 4
    """
    from json import dumps

    from interp.registry import Registry

    if out is not None and not out.parent.is_dir():
        raise InputError(f"--out {out}: found no folder {out.parent}; make it first")
    known = Registry.load(registry or ())
    names = list(takewhile(lambda word: not word.startswith("-"), plugins or ()))
    flags = [*(plugins or ())[len(names) :], *context.args]
    params = {
        name: parameters(known, name, set_ or (), flags, own_flags(context))
        for name in names or [each.name for each in known.entries("method")]
    }
    found = list(_findings(known, params, samples))
    facts = {"findings": [asdict(each) for each in found]}
    if out is not None:
        out.write_text(dumps(facts, indent=1) + "\n", "utf-8")
    say(json, facts, _alone(found) if len(params) == 1 else _table(found))
    if any(each.broken for each in found):
        raise typer.Exit(1)


def _findings(
    known: Registry, params: dict[str, dict[str, Any]], samples: int | None
) -> Iterator[Finding]:
    from interp.testing import check
    from interp.testing.method_check import SAMPLES, STEPS

    done = 0
    with progress_bar() as progress:

        def tell(_: str) -> None:
            nonlocal done
            progress("checks", done, STEPS * len(params))
            done += 1

        for name, chosen in params.items():
            yield from check(known, name, chosen, samples or SAMPLES, tell)


def _table(found: Sequence[Finding]) -> Iterator[str]:
    """Methods by checks, then what every broken promise measured."""
    rows = [list(each) for _, each in groupby(found, lambda finding: finding.method)]
    heads = ["method", *(each.check for each in rows[0])]
    yield from columns([heads, *([row[0].method, *map(_cell, row)] for row in rows)])
    yield LEGEND
    yield from (f"{each.method} {each.check}: {each.said}" for each in found if each.broken)


def _alone(found: Sequence[Finding]) -> Iterator[str]:
    """One method: of each check what was measured, and under it what it asks."""
    from interp.testing.claim import CLAIMS, question_of

    rows = []
    for each in found:
        rows.append((each.check, _cell(each), each.said))
        if each.check in CLAIMS:
            rows.append(("", "", question_of(CLAIMS[each.check])))
    yield found[0].method
    yield from columns(rows)
    yield LEGEND


def _cell(finding: Finding) -> str:
    if finding.outcome == "none":
        return "FAIL" if finding.claimed else "-"
    if not finding.claimed:
        return f"({finding.outcome})"
    return "pass" if finding.outcome == "pass" else "FAIL"
