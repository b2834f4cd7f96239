"""What a registry.yaml may say: entries by kind and declared hooks, checked with pydantic."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from interp.spec import Capability, Plain

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
Package = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]
Line = Annotated[str, StringConstraints(pattern=r"^[^\n]*\S[^\n]*$", max_length=120)]
Answer = Literal["where", "which channels", "which path", "which parts"]
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
    """A method, the question it answers and what it needs of a model."""

    needs: tuple[Capability, ...]
    answers: Answer
    paper: Paper | None = None


class AdapterEntry(Entry):
    """An adapter and what it opens.

    `sources` are patterns of what a user types: `torchvision:*`, `*.pt2`, `package:*`; `folder:F`
    is a folder that holds a file F. `objects` are qualified names of classes of live objects.
    """

    sources: tuple[str, ...] = Field(min_length=1)
    objects: tuple[str, ...] = ()


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
    "perturbation": Entry,
    "weighting": Entry,
    "solver": Entry,
    "metric": Entry,
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

    sections: ClassVar[tuple[str, ...]] = ("entries", "hooks")


def read_manifest(path: Path) -> Manifest:
    """The registry file at `path`; RegistryError names file, key path and the nearest right name."""
    from interp.slip import Slip, read_yaml, validated

    document: Any = read_yaml(path)
    if not isinstance(document, dict):
        raise Slip((), document, "a mapping with entries").error(path)
    try:
        for key in document:
            if key not in Manifest.sections:
                raise Slip((key,), None, "unknown key", known=Manifest.sections)
        entries = tuple(
            validated(_kind(each, ("entries", index)), each, ("entries", index))
            for index, each in enumerate(_list(document, "entries"))
        )
        hooks = tuple(
            validated(HookEntry, each, ("hooks", index))
            for index, each in enumerate(_list(document, "hooks"))
        )
    except Slip as slip:
        raise slip.error(path) from slip.__cause__
    return Manifest(path, entries, hooks)
