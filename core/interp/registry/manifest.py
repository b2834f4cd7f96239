"""What a registry.yaml may say: entries by kind and declared hooks, checked with pydantic."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from interp.errors import InputError, nearest
from interp.registry.answer import ANSWERS, find_answer
from interp.registry.requirement import check_versions
from interp.spec import Capability, Plain
from interp.storage.text_file import read_text
from interp.storage.yaml_file import (
    MOST,
    DocumentError,
    Keys,
    as_list,
    as_mapping,
    as_record,
    one_of,
    read_yaml,
    shown,
)

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
Package = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]
Line = Annotated[str, StringConstraints(pattern=r"^[^\n]*\S[^\n]*$", max_length=120)]
Sentences = Annotated[str, StringConstraints(pattern=r"^[^\n]*\S[^\n]*$", max_length=500)]
Claim = Literal["region", "channel", "additive", "proportional", "dummy", "symmetric", "shuffled"]
Hook = Literal[
    "interp_before_run",
    "interp_after_run",
    "interp_before_compare",
    "interp_after_compare",
    "interp_before_evaluate",
    "interp_after_evaluate",
    "interp_before_fit",
    "interp_after_fit",
    "interp_after_save",
    "interp_commands",
    "interp_panels",
]


LONGEST = 120
"""Letters of a line."""
OBJECT = "package.module:Name, the object's place in Python"


class Entry(Plain):
    """One registered name.

    `object` is `package.module:Name`, from which `package` follows. An entry without it is
    registered by its package's `interp_register` hook.
    """

    kind: str
    name: Name
    package: Package
    summary: Line
    object: str | None = None


class Paper(Plain):
    """Where a method was published."""

    title: str
    authors: tuple[str, ...] = ()
    venue: str
    year: int = Field(ge=1900, le=2100)
    doi: str | None = Field(None, pattern=r"^10\.\d{4,}/\S+$")


class MethodEntry(Entry):
    """A method, the question it answers and what it needs of a model.

    `answers` is a word of interp.registry.answer, or one that the file itself adds.
    `needs` is None where the file leaves it to the class; `Registry.complete` reads it there.
    `claims` are the checks of interp.testing.claim that it promises to pass.
    `model` is the registered model that it explains by default, if it needs a special one.
    `network` is the kind of network that it explains, on which it is checked. `tune` names its few
    important parameters, each with the values that `interp tune` tries. `misleads` says in one to
    three sentences when an answer is apt to be wrong, or read wrongly. `pictures` says what each
    picture shows to one who has not read the paper, by the evidence's name; * stands for anything.
    """

    needs: tuple[Capability, ...] | None = None
    answers: Line
    claims: tuple[Claim, ...] = ()
    model: Name | None = None
    network: Literal["any", "transformer"] = "any"
    paper: Paper | None = None
    misleads: Sentences | None = None
    pictures: dict[str, Sentences] = {}
    tune: dict[str, tuple[Any, ...]] = {}


class Compose(Plain):
    """A method without code: the names of registered parts, and other defaults for parameters."""

    perturbation: Name
    weighting: Name = "uniform"
    solver: Name
    defaults: dict[str, Any] = {}

    @property
    def parts(self) -> dict[str, str]:
        """Kind of part -> its name."""
        return self.model_dump(exclude={"defaults"})


class CompositionEntry(MethodEntry):
    """A composed method: it has no package of its own and needs what its perturbation needs."""

    package: Package = "interp"
    compose: Compose


class AdapterEntry(Entry):
    """An adapter and what it opens.

    `sources` are patterns of what a user types, such as `torchvision:*` or `*.pt2`; `folder:F`
    stands for a folder that holds a file F. `objects` are the full names of classes whose
    instances it opens; `collections.abc.Callable` stands for whatever can be called and is of no
    class that is named. `offers` is what its models can do for methods; a single model's
    `capabilities` may be fewer.
    """

    sources: tuple[str, ...] = Field(min_length=1)
    objects: tuple[str, ...] = ()
    offers: tuple[Capability, ...] = (Capability.PREDICT, Capability.ACTIVATIONS)


class ReaderEntry(Entry):
    """A reader of data sets and what it opens.

    `sources` are patterns of files, such as `*.csv`, and of folders: `folder:F` stands for a folder
    that holds a file F, which may have asterisks, and `folder:*` for any folder. A pattern with
    `://` is one of URLs, which the reader is given as text. `example` is data that come with the
    package, on which it is checked: a path inside the package.
    """

    sources: tuple[str, ...] = Field(min_length=1)
    example: str | None = None


class PerturbationEntry(Entry):
    """A perturbation and what it needs of a model; None where the file leaves it to the class."""

    needs: tuple[Capability, ...] | None = None


class RendererEntry(Entry):
    """A renderer and the kind of evidence that it draws."""

    evidence: Name


class EvaluationEntry(Entry):
    """A saved evaluation, which advice on methods cites, and what its model's last map is made of.

    The object is the path of the folder that `interp evaluate` wrote, or of its results.json.
    """

    layout: Literal["NCHW", "NHWC", "tokens"]


ENTRIES: dict[str, type[Entry]] = {
    "method": MethodEntry,
    "adapter": AdapterEntry,
    "model": Entry,
    "dataset": Entry,
    "reader": ReaderEntry,
    "sample": Entry,
    "builder": Entry,
    "renderer": RendererEntry,
    "perturbation": PerturbationEntry,
    "weighting": Entry,
    "solver": Entry,
    "metric": Entry,
    "attack": Entry,
    "readout": Entry,
    "evaluation": EvaluationEntry,
}
"""The kinds of things that can be registered, in the order of the listing."""


class HookEntry(Plain):
    """A hook that a package implements; `names` are the commands or panels that it adds.

    With `log`, a logger's name, it is called only where INTERP_LOG asks for that. `needs` is a
    package that it imports, which `install` installs, if it is called otherwise: where it is asked
    for and missing, work is refused at its beginning.
    """

    package: Package
    hook: Hook
    names: tuple[Name, ...] = ()
    log: Name | None = None
    needs: Package | None = None
    install: str | None = None


@dataclass(frozen=True)
class Manifest:
    """A registry file that was read: its path and its content."""

    path: Path
    entries: tuple[Entry, ...] = ()
    hooks: tuple[HookEntry, ...] = ()
    answers: dict[str, str] = field(default_factory=dict)
    """What its methods answer beside the known words, each with the question."""


def read_manifest(path: Path) -> Manifest:
    """The registry file at `path`; RegistryError names file, key path and the nearest name.

    What it says of versions comes first: a file for a later interp may say things unknown here.
    """
    try:
        document = as_mapping(read_yaml(path), ())
        check_versions(document)
        for key in document:
            one_of(key, ("api", "requires", "answers", "entries", "hooks"), (key,))
        answers = _answers(document.get("answers", {}), ("answers",))
        entries, hooks = (as_list(document.get(key, []), (key,)) for key in ("entries", "hooks"))
        return Manifest(
            path,
            tuple(_entry(each, ("entries", at), answers) for at, each in enumerate(entries)),
            tuple(as_record(HookEntry, each, ("hooks", at)) for at, each in enumerate(hooks)),
            answers,
        )
    except DocumentError as slip:
        raise slip.at(path) from slip.__cause__


def names_in(path: Path | None) -> tuple[str, ...]:
    """The names that a registry file seems to register, also where it is no YAML; () without one.

    For a broken file, whose entries cannot be read.
    """
    try:
        text = "" if path is None else read_text(path, MOST)
    except InputError:
        return ()
    found = re.findall(r"""\bname:\s*["']?([a-z0-9][a-z0-9._-]*)""", text)
    return tuple(dict.fromkeys(found))


def _answers(value: object, keys: Keys) -> dict[str, str]:
    """The words that a file adds to those known, each with the question, a line each."""
    found = as_mapping(value, keys)
    for word, question in found.items():
        for text in (word, question):
            if not isinstance(text, str) or not 0 < len(text.strip()) <= LONGEST or "\n" in text:
                raise DocumentError(keys, f"found {text!r}; expected word: question, a line each")
    return {" ".join(word.split()).casefold(): question for word, question in found.items()}


def _answer(value: object, added: Iterable[str], keys: Keys) -> object:
    """The word that a method's `answers` means. Raises DocumentError for an unknown one."""
    known = [*ANSWERS, *added]
    found = find_answer(value, known) if isinstance(value, str) else None
    if found is None:
        raise DocumentError(
            keys,
            f"found {shown(value)}; {nearest(str(value), known)}; a new word goes under the key "
            "answers, with its question",
        )
    return found


def _entry(value: object, keys: Keys, answers: Iterable[str]) -> Entry:
    fields = as_mapping(value, keys)
    kind = one_of(fields.get("kind"), ENTRIES, (*keys, "kind"))
    if kind == "method" and "answers" in fields:
        fields = {**fields, "answers": _answer(fields["answers"], answers, (*keys, "answers"))}
    if kind == "method" and "compose" in fields:
        for key in ("needs", "package", "object"):
            if key in fields:
                raise DocumentError(
                    (*keys, key), "a composition takes this from its parts; leave it out"
                )
        return as_record(CompositionEntry, fields, keys)
    if "object" in fields:
        fields = {**fields, "package": _package(fields, keys)}
    elif "package" not in fields:
        raise DocumentError((*keys, "object"), f"missing; expected {OBJECT}")
    elif kind == "method" and "needs" not in fields:
        raise DocumentError((*keys, "needs"), "missing; expected what the method needs of a model")
    elif kind == "perturbation":
        fields = {"needs": [Capability.PREDICT], **fields}
    return as_record(ENTRIES[kind], fields, keys)


def _package(fields: dict[str, Any], keys: Keys) -> str:
    """The package of an entry's object: the one that is given, else the outermost."""
    found = str(fields["object"])
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", found):
        raise DocumentError((*keys, "object"), f"found {found!r}; expected {OBJECT}")
    parents = list(accumulate(found.partition(":")[0].split("."), "{}.{}".format))
    return one_of(fields.get("package", parents[0]), parents, (*keys, "package"))
