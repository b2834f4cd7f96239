"""When methods mislead, as their packages say in their registry.yaml."""

from __future__ import annotations

from collections.abc import Iterable

from interp.registry import Registry
from interp.registry.manifest import MethodEntry


def misleads(registry: Registry, methods: Iterable[str]) -> dict[str, str]:
    """Method -> when it misleads; one whose package says nothing, or is not here, is left out."""
    known = {each.name: each for each in registry.entries("method")}
    entries = (known.get(each) for each in methods)
    return {
        each.name: each.misleads
        for each in entries
        if isinstance(each, MethodEntry) and each.misleads
    }
