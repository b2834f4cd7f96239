"""`interp list` and `interp show`: what is registered, and what is known of one name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from json import dumps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interp.cli.flags import Json, Registries
from interp.cli.output import columns, say
from interp.errors import RegistryError, nearest

if TYPE_CHECKING:
    from interp.registry import Registry
    from interp.registry.manifest import Entry
    from interp.registry.parameter import Parameter

PARAMETRIC = ("method", "metric")
"""Kinds with parameters."""


def list_registered(registry: Registries = None, json: Json = False) -> None:
    """List what is registered, and what is broken.

    \b
    Examples
      interp list
      interp list --registry my_package/registry.yaml
    """
    from interp.registry import Registry

    known = Registry.load(registry or ())
    facts = {
        "entries": [each.model_dump(mode="json") for each in known.entries()],
        "hooks": [
            each.model_dump(mode="json") for manifest in known.manifests for each in manifest.hooks
        ],
        "broken": [each._asdict() for each in known.broken],
    }
    say(json, facts, _listing(known))


def _listing(known: Registry) -> Iterator[str]:
    from interp.registry.manifest import ENTRIES

    for kind in ENTRIES:
        if found := known.entries(kind):
            yield kind
            yield from columns((each.name, each.package, each.summary) for each in found)
    if added := [
        (name, each.package) for each in known.hooks("interp_commands") for name in each.names
    ]:
        yield "command"
        yield from columns(added)
    if known.broken:
        yield "broken"
        yield from columns(known.broken)


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A registered name.")],
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="Where kinds share a name: which one.")
    ] = None,
    registry: Registries = None,
    json: Json = False,
) -> None:
    """Show a name's summary, paper, needs, parameters.

    \b
    Examples
      interp show mint
      interp show deletion
      interp show creatures-vgg --json
    """
    from interp.registry import Registry

    known = Registry.load(registry or ())
    entry = known.complete(known.entry(kind, name) if kind else _find(known, name))
    found = _parameters(known, entry)
    facts = entry.model_dump(mode="json")
    if entry.kind in PARAMETRIC:
        facts["parameters"] = [asdict(each) for each in found]
    say(json, facts, _description(known, entry, found))


def _find(known: Registry, name: str) -> Entry:
    """The entry of a name, whatever its kind; methods before others."""
    from interp.registry.manifest import ENTRIES

    for kind in ENTRIES:
        for each in known.entries(kind):
            if each.name == name:
                return each
    names = [each.name for each in known.entries()]
    raise RegistryError(f"nothing is registered as {name!r}; {nearest(name, names)}")


def _parameters(known: Registry, entry: Entry) -> list[Parameter]:
    from interp.registry.parameter import parameters

    if entry.kind not in PARAMETRIC:
        return []
    return parameters(known.get(entry.kind, entry.name).Params)


def _given(known: Registry, entry: Entry) -> str:
    """How a method's or a metric's parameters are said."""
    from interp.metric import ModelMetric

    if entry.kind == "method":
        return "each an option of the commands: --name VALUE"
    if issubclass(known.get("metric", entry.name), ModelMetric):
        return f"each set by interp measure {entry.name} --set KEY=VALUE"
    return f"each set by interp evaluate --metric-set {entry.name}.KEY=VALUE"


def _description(known: Registry, entry: Entry, found: list[Parameter]) -> Iterator[str]:
    yield f"{entry.name}: {entry.kind} of {entry.package}"
    yield f"  {entry.summary}"
    facts = entry.model_dump(mode="json", exclude={"kind", "name", "package", "summary"})
    if rows := [(key, _plain(value)) for key, value in facts.items() if value]:
        yield from columns(rows)
    if found:
        yield f"parameters, {_given(known, entry)}"
        yield from columns(map(_row, found))


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(_plain(each) for each in value.values() if each)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _row(each: Parameter) -> tuple[str, str, str, str]:
    return (
        f"{each.name}={_typed(each.default)}",
        each.type,
        each.bounds,
        " ".join(each.description.split()),
    )


def _typed(value: Any) -> str:
    """A default as it would be typed after --set: YAML."""
    return value if isinstance(value, str) else dumps(value)
