"""What a registry.yaml may say: entries by kind and declared hooks, checked with pydantic."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from interp.spec import Capability, Plain
from interp.storage.yaml_file import (
    DocumentError,
    Keys,
    as_list,
    as_mapping,
    as_record,
    one_of,
    read_yaml,
)

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
Package = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]
Line = Annotated[str, StringConstraints(pattern=r"^[^\n]*\S[^\n]*$", max_length=120)]
Answer = Literal["where", "which channels", "which path", "which parts"]
Claim = Literal["region", "channel", "additive", "proportional", "dummy", "symmetric", "shuffled"]
Hook = Literal["interp_before_run", "interp_after_run", "interp_commands", "interp_panels"]


class Entry(Plain):
    """One registered name: what it is called, which package brings it, what it is."""

    kind: str
    name: Name
    package: Package
    summary: Line


class Paper(Plain):
    """Where a method was published."""

    title: str
    authors: tuple[str, ...] = ()
    venue: str
    year: int = Field(ge=1900, le=2100)
    doi: str | None = Field(None, pattern=r"^10\.\d{4,}/\S+$")


class MethodEntry(Entry):
    """A method, the question it answers and what it needs of a model.

    `claims` is what it promises on models whose answer is known: see interp.testing.claim.
    `model` is a registered one that it explains where none is named, if it is a special one.
    """

    needs: tuple[Capability, ...]
    answers: Answer
    claims: tuple[Claim, ...] = ()
    model: Name | None = None
    paper: Paper | None = None


PARTS = ("perturbation", "weighting", "solver")
"""What a method is composed of."""


class Compose(Plain):
    """A method without code: registered parts, and their parameters' defaults where they differ."""

    perturbation: Name
    weighting: Name = "uniform"
    solver: Name
    defaults: dict[str, Any] = {}


class CompositionEntry(MethodEntry):
    """A composed method: no package of its own, and it needs what its perturbation needs."""

    package: Package = "interp"
    needs: tuple[Capability, ...] = ()
    compose: Compose


class AdapterEntry(Entry):
    """An adapter and what it opens.

    `sources` are patterns of what a user types: `torchvision:*`, `*.pt2`, `package:*`; `folder:F`
    is a folder that holds a file F. `objects` are qualified names of classes of live objects.
    `offers` is what its models offer methods; a model's own `capabilities` may be fewer.
    """

    sources: tuple[str, ...] = Field(min_length=1)
    objects: tuple[str, ...] = ()
    offers: tuple[Capability, ...] = (Capability.PREDICT, Capability.ACTIVATIONS)


class PerturbationEntry(Entry):
    """A perturbation and what it needs of a model."""

    needs: tuple[Capability, ...] = (Capability.PREDICT,)


class RendererEntry(Entry):
    """A renderer and the kind of evidence that it draws."""

    evidence: Name


ENTRIES: dict[str, type[Entry]] = {
    "method": MethodEntry,
    "adapter": AdapterEntry,
    "model": Entry,
    "dataset": Entry,
    "sample": Entry,
    "builder": Entry,
    "renderer": RendererEntry,
    "perturbation": PerturbationEntry,
    "weighting": Entry,
    "solver": Entry,
    "metric": Entry,
    "attack": Entry,
}
"""The kinds of things that can be registered, in the order they are listed."""


class HookEntry(Plain):
    """A hook that a package wants to be called at; `names` are the commands or panels it adds."""

    package: Package
    hook: Hook
    names: tuple[Name, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """A registry file that was read: where it lies and what it says."""

    path: Path
    entries: tuple[Entry, ...] = ()
    hooks: tuple[HookEntry, ...] = ()

    @property
    def packages(self) -> set[str]:
        """The packages it names."""
        return {each.package for each in self.entries} | {each.package for each in self.hooks}


def read_manifest(path: Path) -> Manifest:
    """The registry file at `path`; RegistryError names file, key path and nearest right name."""
    try:
        return _manifest(path, read_yaml(path))
    except DocumentError as error:
        raise error.at(path) from error.__cause__


def _manifest(path: Path, value: object) -> Manifest:
    document = as_mapping(value, ())
    for key in document:
        one_of(key, ("entries", "hooks"), (key,))
    entries = enumerate(as_list(document.get("entries", []), ("entries",)))
    hooks = enumerate(as_list(document.get("hooks", []), ("hooks",)))
    return Manifest(
        path,
        tuple(_entry(each, ("entries", index)) for index, each in entries),
        tuple(as_record(HookEntry, each, ("hooks", index)) for index, each in hooks),
    )


def _entry(value: object, keys: Keys) -> Entry:
    said = as_mapping(value, keys)
    kind = one_of(said.get("kind"), ENTRIES, (*keys, "kind"))
    if kind == "method" and "compose" in said:
        for key in ("needs", "package"):
            if key in said:
                raise DocumentError(
                    (*keys, key), "a composition takes this from its parts; leave it out"
                )
        return as_record(CompositionEntry, value, keys)
    return as_record(ENTRIES[kind], value, keys)
