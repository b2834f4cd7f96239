"""`interp check`: whether methods keep the rules, on models whose explanation is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from interp.cli import flags, parse
from interp.cli.output import columns
from interp.errors import InputError
from interp.progress_bar import progress_bar
from interp.registry import Registry
from interp.storage.folder import write_json_whole

if TYPE_CHECKING:
    from interp.testing import Finding

LEGEND = "pass, FAIL: the method claims it; (pass), (fail): it does not; -: nothing to measure"


def check_methods(
    context: typer.Context,
    plugins: list[str] | None = flags.argument(
        "METHOD", "Methods; see interp list. [default: all]", default=None
    ),
    *,
    set_: list[str] | None = flags.SET,
    samples: int | None = flags.option(
        "N", "Samples of methods that sample. [default: 1000]", least=100
    ),
    out: Path | None = flags.option("FILE", "Also write the findings to this file, as JSON."),
    shell: flags.Shell,
) -> None:
    """Check methods on models whose right explanation is known.

    Conformance is what every method must keep: the same seed gives the same answer, the model is
    left as it was, and more. The other columns are claims, which a registry.yaml makes for a
    method (claims: [...]); what a method does not claim is measured and shown all the same. One
    method alone is shown in full. The exit code is 1 if a claim or conformance fails.

    Examples
      interp check
      interp check mint
      interp check my-method --registry my_package/registry.yaml --cells 4
    """
    if out is not None and not out.parent.is_dir():
        raise InputError(f"--out {out}: found no folder {out.parent}; make it first")
    registry = shell.registry
    names = list(takewhile(lambda word: not word.startswith("-"), plugins or ()))
    options = (plugins or ())[len(names) :]
    params = {
        name: parse.parameters(registry, name, set_, context, options)
        for name in names or [each.name for each in registry.entries("method")]
    }
    found = list(_findings(registry, params, samples))
    facts = {"findings": [asdict(each) for each in found]}
    if out is not None:
        write_json_whole(out, facts)
    shell.say(facts, _in_full(found) if len(params) == 1 else _table(found))
    if any(each.broken for each in found):
        raise typer.Exit(1)


def _findings(
    registry: Registry, params: dict[str, dict[str, Any]], samples: int | None
) -> Iterator[Finding]:
    from interp.testing import check
    from interp.testing.method_check import SAMPLES, STEPS

    done = 0
    with progress_bar() as progress:

        def count(_: str) -> None:
            nonlocal done
            progress("checks", done, STEPS * len(params))
            done += 1

        for name, chosen in params.items():
            yield from check(registry, name, chosen, samples or SAMPLES, count)


def _table(found: Sequence[Finding]) -> Iterator[str]:
    """Methods by checks, then what every broken promise measured."""
    rows = [list(each) for _, each in groupby(found, lambda finding: finding.method)]
    heads = ["method", *(each.check for each in rows[0])]
    yield from columns([heads, *([row[0].method, *map(_cell, row)] for row in rows)])
    yield LEGEND
    yield from (f"{each.method} {each.check}: {each.said}" for each in found if each.broken)


def _in_full(found: Sequence[Finding]) -> Iterator[str]:
    """One method: what each check measured, and under it what the check asks."""
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
    passed = finding.outcome == "pass"
    if finding.claimed:
        return "pass" if passed else "FAIL"
    return "-" if finding.outcome == "none" else f"({finding.outcome})"
