"""`interp check`: whether registered things keep the rules of their kind, with known answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from interp.cli import flags, parse
from interp.cli.catalogue import find_entry
from interp.cli.column import columns
from interp.cluster.pool import Lost, Pool
from interp.errors import InputError, PluginError
from interp.progress_bar import progress_bar
from interp.registry import Registry
from interp.storage.folder import write_json_whole

if TYPE_CHECKING:
    from interp.testing import Finding

LEGEND = "pass, FAIL: the method claims it; (pass), (fail): it does not; -: nothing to measure"
Member = tuple[str, str]
"""A kind and a name."""
Piece = tuple[Member, dict[str, Any]]
"""A member, and the parameters with which it is checked."""


def check_registered(
    context: typer.Context,
    plugins: list[str] | None = flags.argument(
        "NAME", "What to check; see interp list. [default: all methods]", default=None
    ),
    *,
    package: str | None = flags.option(
        "PACKAGE", "Check all that this package brings, such as interp_slope."
    ),
    kind: str | None = flags.option(
        "KIND",
        "Of which kind, if several share the name: a heading of interp list, hook or panel. "
        "[default: the first]",
    ),
    set_: list[str] | None = flags.SET,
    samples: int | None = flags.option(
        "N", "Samples of methods that sample. [default: 1000]", least=100
    ),
    model: str | None = flags.model_option(
        "MODEL", "A source on which an adapter is tried. [default: a registered model]"
    ),
    data: str | None = flags.image_option(
        "PATH", "Data on which a reader is tried. [default: the example in its package]"
    ),
    workers: flags.Workers,
    out: Path | None = flags.option("FILE", "Also write the findings to this file, as JSON."),
    shell: flags.Shell,
) -> None:
    """Check methods, or anything else that is registered.

    Each kind has rules of its own, which hold on small models, images and data whose answers are
    known: the same seed gives the same answer, the model is left as it was, scores do not depend
    on the batch, and more. Methods are also held against claims, which a registry.yaml makes
    (claims: [...]); what a method does not claim is measured and shown all the same. The exit code
    is 1 if a rule or claim is broken.

    Examples
      interp check
      interp check mint deletion
      interp check --package interp_slope
      interp check my-reader --data photos.list
      interp check --workers 8
      interp check my-method --registry my_package/registry.yaml --cells 4
    """
    if out is not None and not out.parent.is_dir():
        raise InputError(f"--out {out}: found no folder {out.parent}; make it first")
    registry = shell.registry
    names = list(takewhile(lambda word: not word.startswith("-"), plugins or ()))
    options = (plugins or ())[len(names) :]
    wanted = _wanted(registry, names, kind, package)
    params = {
        each: parse.parameters(registry, each[1], set_, context, options)
        if each[0] == "method"
        else parse.repeatable(set_ or ())
        for each in wanted
    }
    with workers.pool() as pool:
        found = list(_findings(Check(registry, samples, model, data), params, pool))
    facts = {"findings": [asdict(each) for each in found]}
    if out is not None:
        write_json_whole(out, facts)
    shell.say(facts, _lines(found))
    if any(each.broken for each in found):
        raise typer.Exit(1)


def _wanted(
    registry: Registry, names: Sequence[str], kind: str | None, package: str | None
) -> list[Member]:
    """Kind and name of what is checked: those named, a package's, or all methods."""
    from interp.testing.entry_check import members

    if package is not None:
        if names or kind:
            raise InputError("found --package beside a name or kind; give one of them")
        return members(registry, package)
    if names:
        return [_member(registry, name, kind) for name in names]
    return [("method", each.name) for each in registry.entries("method")]


def _member(registry: Registry, name: str, kind: str | None) -> Member:
    """Kind and name of what a word names; what hooks add comes after what is registered."""
    from interp.testing.entry_case import HOOK_KINDS, EntryCase

    if kind in ("hook", *HOOK_KINDS):
        _ = EntryCase(kind, name, registry).hook  # it is there
        return kind, name
    if kind is not None:
        return kind, registry.entry(kind, name).name
    if name not in {each.name for each in registry.entries()}:
        for word, hook in HOOK_KINDS.items():
            if any(name in each.names for each in registry.hooks(hook)):
                return word, name
    return find_entry(registry, name).kind, name


@dataclass(frozen=True)
class Check:
    """How members are checked, here or in a worker."""

    registry: Registry
    samples: int | None
    model: str | None
    data: str | None

    def findings(self, piece: Piece, on_step: Callable[[str], None]) -> list[Finding]:
        """What is found of a member with these parameters; `on_step` is told each check."""
        from interp.testing import EntryCase, check, check_entry
        from interp.testing.method_check import SAMPLES

        (kind, name), chosen = piece
        if kind == "method":
            return list(check(self.registry, name, chosen, self.samples or SAMPLES, on_step))
        case = EntryCase(kind, name, self.registry, chosen, self.model, self.data)
        return list(check_entry(case, on_step))

    def reopen(self) -> Callable[[Piece], list[Finding]]:
        """What checks a member in a worker."""
        return partial(self.findings, on_step=_no_step)


def _no_step(_: str) -> None:
    """No-op callback."""


def _findings(check: Check, params: dict[Member, dict[str, Any]], pool: Pool) -> Iterator[Finding]:
    """The findings on all members, in order. Raises PluginError where workers die of one."""
    from interp.testing.entry_check import steps

    total, done = sum(steps(kind) for kind, _ in params), 0
    with progress_bar() as progress:

        def count(_: str) -> None:
            nonlocal done
            progress("checks", done, total)
            done += 1

        here = partial(check.findings, on_step=count)
        found = pool.map(here, list(params.items()), check.reopen, ordered=True)
        for ((kind, name), _), findings in found:
            if isinstance(findings, Lost):
                raise PluginError(f"{kind} {name} cannot be checked: {findings.reason}")
            if pool.remote:
                done += steps(kind)
                progress("checks", done, total)
            yield from findings


def _lines(found: Sequence[Finding]) -> Iterator[str]:
    """Methods as a table, one alone in full, and every other thing in full."""
    methods = [each for each in found if each.kind == "method"]
    others = [each for each in found if each.kind != "method"]
    if methods:
        alone = len({each.method for each in methods}) == 1
        yield from _method_in_full(methods) if alone else _table(methods)
    for (kind, name), own in groupby(others, lambda each: (each.kind, each.method)):
        yield from _in_full(f"{kind} {name}", list(own))


def _table(found: Sequence[Finding]) -> Iterator[str]:
    """Methods by checks, then what every broken promise measured."""
    rows = [list(each) for _, each in groupby(found, lambda finding: finding.method)]
    heads = ["method", *(each.check for each in rows[0])]
    yield from columns([heads, *([row[0].method, *map(_cell, row)] for row in rows)])
    yield LEGEND
    yield from (f"{each.method} {each.check}: {each.said}" for each in found if each.broken)


def _method_in_full(found: Sequence[Finding]) -> Iterator[str]:
    """One method: what each check measured, and under it what the check asks."""
    from interp.testing.claim import CLAIMS, question_of

    questions = {name: question_of(claim) for name, claim in CLAIMS.items()}
    yield found[0].method
    yield from columns(_rows(found, questions.get))
    yield LEGEND


def _in_full(title: str, found: Sequence[Finding]) -> Iterator[str]:
    """A thing of another kind: what each check measured; of what is broken, what the check asks."""
    from interp.testing.entry_check import rule_of

    broken = {each.check: rule_of(each.kind, each.check) for each in found if each.broken}
    yield title
    yield from columns(_rows(found, broken.get))


def _rows(
    found: Sequence[Finding], asked: Callable[[str], str | None]
) -> Iterator[tuple[str, str, str]]:
    for each in found:
        yield (each.check, _cell(each), each.said)
        if question := asked(each.check):
            yield ("", "", question)


def _cell(finding: Finding) -> str:
    passed = finding.outcome == "pass"
    if finding.claimed:
        return "pass" if passed else "FAIL"
    return "-" if finding.outcome == "none" else f"({finding.outcome})"
