"""One registered thing that is checked, with what the checks need of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from unittest import SkipTest

from interp.context import Context
from interp.errors import RegistryError, nearest
from interp.model import ModelAdapter
from interp.registry import Registry
from interp.registry.manifest import HookEntry
from interp.testing.toy_models import known_model

HOOK_KINDS = {"command": "interp_commands", "panel": "interp_panels"}
"""Kinds of what hooks add, and the hook that adds them."""


@dataclass(frozen=True, eq=False)
class EntryCase:
    """A registered thing of any kind but method, and the parameters that it is tried with.

    EntryCase("metric", "my-metric")

    A command or panel goes by its own name, a hook by "my_package:interp_after_run".
    """

    kind: str
    name: str
    registry: Registry = field(default_factory=Registry.load)
    params: dict[str, Any] = field(default_factory=dict)
    model: str | None = None
    """For an adapter: a source that it opens, in place of a registered model."""
    data: str | None = None
    """For a reader: a path that it opens, in place of the example in its package."""
    kept: dict[str, Any] = field(default_factory=dict)
    """What checks share, such as models that were opened."""

    @cached_property
    def subject(self) -> Any:
        """What is registered. Raises PluginError, RegistryError."""
        return self.registry.get(self.kind, self.name)

    @cached_property
    def made(self) -> Any:
        """An object of the registered class with the parameters."""
        return self.subject(self.subject.Params.model_validate(self.params))

    @cached_property
    def known(self) -> ModelAdapter:
        """A small network whose explanations are known."""
        return known_model(self.registry)

    def context(self, seed: int = 0) -> Context:
        """A context with the registry."""
        return Context(seed=seed, lookup=self.registry.get)

    def call_hook(self, **arguments: Any) -> list[Any]:
        """What the declared hook answers, called alone. Raises PluginError."""
        manifest, entry = next(
            (manifest, each)
            for manifest in self.registry.manifests
            for each in manifest.hooks
            if each == self.hook
        )
        alone = Registry((replace(manifest, entries=(), hooks=(entry,)),))
        return alone.hook(entry.hook, **arguments)

    @cached_property
    def hook(self) -> HookEntry:
        """The declaration of a hook, or of the hook that adds a command or panel."""
        declared = [each for manifest in self.registry.manifests for each in manifest.hooks]
        known = {name: each for each in declared for name in self._names(each)}
        if self.name not in known:
            raise RegistryError(f"unknown {self.kind} {self.name!r}; {nearest(self.name, known)}")
        return known[self.name]

    def _names(self, declared: HookEntry) -> tuple[str, ...]:
        """The names by which a declaration is found."""
        if self.kind == "hook":
            return (f"{declared.package}:{declared.hook}",)
        return declared.names if declared.hook == HOOK_KINDS.get(self.kind) else ()


class NothingToMeasure(SkipTest):
    """Raised by a check that has nothing to measure, with the reason; pytest skips the test."""


EntryCheck = Callable[[EntryCase], str | None]
"""A check: raises AssertionError where it fails, and may return what was measured, in words.

It raises NothingToMeasure where the thing has not what is asked about."""
