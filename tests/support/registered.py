"""The objects of one kind that a built-in package registers, by name."""

from __future__ import annotations

from typing import Any

from interp.registry import Registry


def registered(kind: str, package: str) -> dict[str, Any]:
    """Name -> object, in the order of registry.yaml."""
    registry = Registry.load()
    return {
        each.name: registry.get(kind, each.name)
        for each in registry.entries(kind)
        if each.package == package
    }
