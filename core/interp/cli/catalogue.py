"""`interp list` and `interp show`: what is registered, and what is known about one name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from json import dumps
from typing import Any

from interp.cli import flags
from interp.cli.column import columns
from interp.errors import InputError, RegistryError, nearest
from interp.registry import Registry
from interp.registry.answer import known_answer
from interp.registry.hook import loggers
from interp.registry.manifest import ENTRIES, Entry, MethodEntry, Paper
from interp.registry.parameter import Parameter, parameters


def list_registered(
    kind: str | None = flags.argument(
        "KIND", "Only this kind, such as methods or readouts. [default: all]", default=None
    ),
    *,
    kind_: str | None = flags.option("KIND", "The kind, where it is no argument.", "--kind"),
    answers: str | None = flags.option(
        "WORD", "Only methods that answer this, such as where, concepts or text."
    ),
    shell: flags.Shell,
) -> None:
    """List what is registered, and installed packages that are broken.

    Examples
      interp list
      interp list readers
      interp list methods --answers concepts
      interp list --registry my_package/registry.yaml
    """
    registry = shell.registry
    if kind is not None and kind_ is not None:
        raise RegistryError(f"found the kinds {kind} and {kind_}; give one")
    wanted = kind or kind_ or ("method" if answers is not None else None)
    if wanted is not None:
        entries = _selected(registry, _kind(wanted), answers)
        rows = [(each.name, each.package, each.summary) for each in entries]
        shell.say({"entries": [each.model_dump(mode="json") for each in entries]}, columns(rows))
        return
    facts = {
        "entries": [each.model_dump(mode="json") for each in registry.entries()],
        "hooks": [
            each.model_dump(mode="json")
            for manifest in registry.manifests
            for each in manifest.hooks
        ],
        "broken": [each._asdict() for each in registry.broken],
    }
    shell.say(facts, _listing(registry))


def _selected(registry: Registry, kind: str, answers: str | None) -> list[Entry]:
    """The entries of a kind; of methods those that answer what is asked, if it is."""
    entries = registry.entries(kind)
    if answers is None:
        return entries
    if kind != "method":
        raise InputError(f"found --answers for the kind {kind}; only methods answer something")
    word = known_answer(answers, registry.answers)
    return [each for each in entries if isinstance(each, MethodEntry) and each.answers == word]


def _kind(word: str) -> str:
    """The kind that a word names in the singular or the plural. Raises RegistryError for none."""
    for kind in ENTRIES:
        if word in (kind, f"{kind}s", f"{kind[:-1]}ies"):
            return kind
    raise RegistryError(
        f"found no kind {word!r}; {nearest(word, [f'{each}s' for each in ENTRIES])}"
    )


def _listing(registry: Registry) -> Iterator[str]:
    sections: dict[str, list[tuple[str, ...]]] = {
        kind: [(each.name, each.package, each.summary) for each in registry.entries(kind)]
        for kind in ENTRIES
    }
    hooks = registry.hooks("interp_commands")
    sections["command"] = [(name, each.package) for each in hooks for name in each.names]
    sections["log"] = [(f"INTERP_LOG={each}", by) for each, by in loggers(registry).items()]
    sections["broken"] = [(each.package, each.reason) for each in registry.broken]
    for heading, rows in sections.items():
        if rows:
            yield heading
            yield from columns(rows)


def show(
    name: str = flags.argument("NAME", "A registered name; see interp list."),
    *,
    kind: str | None = flags.option(
        "KIND",
        "Of which kind, if several share the name: a heading of interp list. [default: the first]",
    ),
    shell: flags.Shell,
) -> None:
    """Show one name: its summary, paper, needs and parameters.

    Examples
      interp show mint
      interp show deletion
      interp show creatures-vgg --json
    """
    registry = shell.registry
    entry = registry.complete(registry.entry(kind, name) if kind else find_entry(registry, name))
    facts = entry.model_dump(mode="json")
    found: list[Parameter] = []
    if entry.kind in ("method", "metric", "readout"):
        found = parameters(registry.get(entry.kind, entry.name).Params)
        facts["parameters"] = [asdict(each) for each in found]
    shell.say(facts, _description(registry, entry, found))


def find_entry(registry: Registry, name: str) -> Entry:
    """The entry of a name, whatever its kind; methods before others."""
    for kind in ENTRIES:
        if name in {each.name for each in registry.entries(kind)}:
            return registry.entry(kind, name)
    names = [each.name for each in registry.entries()]
    raise registry.unknown(f"nothing is registered as {name!r}", name, names)


def _description(registry: Registry, entry: Entry, found: list[Parameter]) -> Iterator[str]:
    yield f"{entry.name}: {entry.kind} of {entry.package}"
    yield from columns([(entry.summary,)])
    facts = entry.model_dump(mode="json", exclude={"kind", "name", "package", "summary"})
    if isinstance(entry, MethodEntry) and entry.paper is not None:
        facts["paper"] = _cited(entry.paper)
    if rows := [row for key, value in facts.items() if value for row in _rows(key, value)]:
        yield from columns(rows)
    if found:
        yield f"parameters, {_how_to_set(registry, entry)}"
        yield from columns(map(_row, found))


def _cited(paper: Paper) -> str:
    """`Xinrui Cui, Dan Wang: Title. Journal, 2019, doi:10.1109/...`."""
    by = f"{', '.join(paper.authors)}: " if paper.authors else ""
    doi = f", doi:{paper.doi}" if paper.doi else ""
    return f"{by}{paper.title}. {paper.venue}, {paper.year}{doi}"


def _rows(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """A fact; one with named parts has a row for each, without the * of names that go on."""
    if not isinstance(value, dict):
        yield key, _plain(value)
        return
    parts = [f"{name.removesuffix(' *')}: {_plain(each)}" for name, each in value.items() if each]
    yield from ((key if at == 0 else "", part) for at, part in enumerate(parts))


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_plain(each)}" for key, each in value.items() if each)
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return value if isinstance(value, str) else dumps(value)


def _how_to_set(registry: Registry, entry: Entry) -> str:
    """How the parameters of a method, metric or readout are set on the command line."""
    from interp.metric import ModelMetric

    if entry.kind == "method":
        return "each an option of interp run, fit and survey: --name VALUE"
    if entry.kind == "readout":
        return f"each set by --readout {entry.name} --readout-param KEY=VALUE"
    if issubclass(registry.get("metric", entry.name), ModelMetric):
        return f"each set by interp measure {entry.name} --set KEY=VALUE"
    return f"each set by interp evaluate --metric-set {entry.name}.KEY=VALUE"


def _row(each: Parameter) -> tuple[str, str, str, str]:
    # The default as it would be typed after --set: YAML.
    default = each.default if isinstance(each.default, str) else dumps(each.default)
    return (
        f"{each.name}={default}",
        each.type,
        each.bounds,
        " ".join(each.description.split()),
    )
