"""Checking registered things of every kind, one by one or a whole package at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from interp.errors import InterpError, RegistryError, first_line, nearest
from interp.registry import Registry
from interp.registry.manifest import Manifest
from interp.testing.entry_case import HOOK_KINDS, EntryCase, EntryCheck, NothingToMeasure
from interp.testing.kind import (
    component,
    dataset,
    file,
    hook,
    metric,
    model,
    network,
    reader,
    renderer,
)
from interp.testing.method_check import STEPS, Finding, check

CHECKS: dict[str, tuple[EntryCheck, ...]] = {
    kind: checks
    for module in (model, dataset, reader, renderer, metric, component, network, file, hook)
    for kind, checks in module.CHECKS.items()
}
"""The checks of every kind but method, which has its own."""


HOOKS = ("hook", *HOOK_KINDS)


def entry_checks(kind: str) -> Sequence[EntryCheck]:
    """All checks of a kind, for pytest.mark.parametrize. Raises RegistryError for an unknown one.

    Methods are checked by `method_checks`.
    """
    if kind not in CHECKS:
        raise RegistryError(f"no checks for the kind {kind!r}; {nearest(kind, CHECKS)}")
    return CHECKS[kind]


def check_entry(case: EntryCase, on_step: Callable[[str], None] = lambda _: None) -> list[Finding]:
    """Check a registered thing of any kind but method by all that its kind must keep.

    Where it cannot be had, or there is nothing to try it on, that is the only finding.
    """
    found: list[Finding] = []
    for each in (check_loads, *entry_checks(case.kind)):
        found.append(_found(case, each, on_step))
        if found[0].broken or [one.outcome for one in found[1:]] == ["none"]:
            break
    return found


def check_loads(case: EntryCase) -> None:
    """Its package is imported, and what it registers is of the kind that is declared."""
    _ = case.hook if case.kind in HOOKS else case.subject


def rule_of(kind: str, name: str) -> str:
    """What a check of a kind asks, in a sentence."""
    known = {each.__name__: each for each in (check_loads, *entry_checks(kind))}
    return (known[f"check_{name.replace(' ', '_')}"].__doc__ or "").partition("\n")[0]


def steps(kind: str) -> int:
    """How many steps the check of a thing of this kind has."""
    return STEPS if kind == "method" else 1 + len(entry_checks(kind))


def check_package(
    registry: Registry, package: str, on_step: Callable[[str], None] = lambda _: None
) -> list[Finding]:
    """Check all that a package registers and declares. Raises RegistryError for an unknown one."""
    found = []
    for kind, name in members(registry, package):
        if kind == "method":
            found += check(registry, name, on_step=on_step)
        else:
            found += check_entry(EntryCase(kind, name, registry), on_step)
    return found


def members(registry: Registry, package: str) -> list[tuple[str, str]]:
    """Kind and name of all that a package registers and declares.

    Raises RegistryError for a package that is unknown, or broken, with the reason.
    """
    wanted = package.replace("-", "_")
    found = [each for manifest in registry.manifests for each in _members(manifest, wanted)]
    if found:
        return found
    for broken in registry.broken:
        if broken.package in (package, wanted):
            raise RegistryError(f"{package} is broken: {broken.reason}")
    known = {each.package for manifest in registry.manifests for each in manifest.entries}
    raise RegistryError(f"no package {package!r} registers anything; {nearest(wanted, known)}")


def _members(manifest: Manifest, package: str) -> Iterator[tuple[str, str]]:
    """What a registry file holds of a package: of its own file all, also what has no code."""
    own = manifest.path.absolute().parent.name == package
    for each in manifest.entries:
        if own or each.package == package:
            yield each.kind, each.name
    kinds = {hook: kind for kind, hook in HOOK_KINDS.items()}
    for declared in manifest.hooks:
        if own or declared.package == package:
            if declared.hook in kinds:
                yield from ((kinds[declared.hook], name) for name in declared.names)
            else:
                yield "hook", f"{declared.package}:{declared.hook}"


def _found(case: EntryCase, each: EntryCheck, on_step: Callable[[str], None]) -> Finding:
    """What a check finds; whatever it raises is the checked thing's failure."""
    name = each.__name__.removeprefix("check_").replace("_", " ")
    on_step(name)

    def finding(outcome: str, said: str) -> Finding:
        return Finding(case.name, name, outcome, outcome != "none", said, case.kind)  # type: ignore[arg-type]

    try:
        return finding("pass", each(case) or "")
    except NothingToMeasure as error:
        return finding("none", str(error))
    except (AssertionError, InterpError) as error:
        absent = isinstance(error.__cause__, ImportError) and name != "loads"  # an optional package
        return finding("none" if absent else "fail", " ".join(str(error).split()))
    except (Exception, SystemExit) as error:
        return finding("fail", f"{type(error).__name__}: {first_line(error)}")
