"""A new package: its names, its files from a template, and the folder that they are written to."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from interp.errors import InputError
from interp.registry import Registry
from interp.scaffold.kind import Kind
from interp.storage.folder import new_folder

TEMPLATE = Path(__file__).parent / "template"
"""A folder for each kind, and `shared`, of working files in which names stand to be replaced."""
LONGEST = 30
"""Letters of a name; with longer ones the lines of the code would need other breaks."""
NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


@dataclass(frozen=True)
class Names:
    """What a new package and its parts are called, all from one name."""

    name: str
    """As it is registered: steepest-slope."""

    @property
    def python(self) -> str:
        """As a function is called: steepest_slope."""
        return self.name.replace("-", "_")

    @property
    def package(self) -> str:
        """The package that is imported: interp_steepest_slope."""
        return f"interp_{self.python}"

    @property
    def distribution(self) -> str:
        """The package that is installed: interp-steepest-slope."""
        return f"interp-{self.name}"

    @property
    def title(self) -> str:
        """As a class is called: SteepestSlope."""
        return "".join(each.capitalize() for each in self.name.split("-"))


def names_of(text: str) -> Names:
    """The names that follow from one that a user gives. Raises InputError for what is no name."""
    if not NAME.fullmatch(text) or len(text) > LONGEST:
        raise InputError(
            f"found the name {text!r}; expected small letters, digits and single hyphens, a letter "
            f"first, at most {LONGEST} in all, such as my-name"
        )
    return Names(text.replace("_", "-"))


def check_free(kind: Kind, names: Names, registry: Registry) -> None:
    """Raise InputError where a package or an entry of these names is there already."""
    if find_spec(names.package) is not None:
        raise InputError(
            f"a package {names.package} is installed already; choose another name than "
            f"{names.name!r}"
        )
    taken = {(each.kind, each.name): each.package for each in registry.entries()}
    taken |= {
        (_word(each.hook), name): each.package
        for hook in ("interp_commands", "interp_panels")
        for each in registry.hooks(hook)
        for name in each.names
    }
    for word, name in _declared(kind, names):
        if (word, name) in taken:
            raise InputError(
                f"{taken[word, name]} brings a {word} {name!r} already; choose another name"
            )
    _check_words(kind, names)


def _declared(kind: Kind, names: Names) -> Iterator[tuple[str, str]]:
    """Kind and name of all that the package would register."""
    if kind.name in ("command", "panel"):
        yield kind.name, names.name
    text = (TEMPLATE / kind.name / "my_package/registry.yaml").read_text("utf-8")
    for word, name in re.findall(r"- kind: (\w+)\n    name: (\S+)", text):
        yield word, name.replace("my-name", names.name)


def _word(hook: str) -> str:
    """What a hook adds, in the singular: command, panel."""
    return hook.removeprefix("interp_").removesuffix("s")


def _check_words(kind: Kind, names: Names) -> None:
    """Raise InputError where Python, or the template's own code, means something else by a name."""
    code = "".join(text for path, text in _texts(kind) if path.suffix == ".py")
    used = set(re.findall(r"[A-Za-z_]\w*", code)) | set(dir(builtins)) | {*keyword.kwlist}
    placed = {"MyName": names.title, "my_name": names.python}
    for placeholder, word in placed.items():
        if re.search(rf"\b{placeholder}\b", code) and word in used:
            raise InputError(
                f"the name {names.name!r} would be {word} in Python, which means something else "
                "there; choose another"
            )


def filled(kind: Kind, names: Names) -> dict[str, str]:
    """The text of every file of a new package, by its path in it."""
    trial = "\n".join(f"    {each}" for each in kind.trial)
    replaced = {
        "my_package": names.package,
        "my-package": names.distribution,
        "my-name": names.name,
        "my_name": names.python,
        "MyName": names.title,
    }
    found = {}
    for path, text in _texts(kind):
        if path.parts[-1] in ("README.md", "pyproject.toml"):
            text = text.replace("\nTRIAL", f"\n{trial}" if trial else "").replace("KIND", kind.name)
        where = path.as_posix()
        for placeholder, word in replaced.items():
            where, text = where.replace(placeholder, word), text.replace(placeholder, word)
        found[where] = text
    return found


def _texts(kind: Kind) -> Iterator[tuple[Path, str]]:
    """Path and text of the template's files, without what tools leave there."""
    for folder in (TEMPLATE / "shared", TEMPLATE / kind.name):
        for each in sorted(folder.rglob("*")):
            path = each.relative_to(folder)
            left = any(part.startswith((".", "__pycache__")) for part in path.parts)
            if each.is_file() and not left:
                yield path, each.read_text("utf-8")


def write_package(kind: Kind, names: Names, folder: Path) -> list[Path]:
    """Write a package into a new folder, whole or not at all; the paths of its files.

    Raises InputError where the folder is not new.
    """
    files = filled(kind, names)
    with new_folder(folder) as draft:
        for path, text in files.items():
            (draft / path).parent.mkdir(parents=True, exist_ok=True)
            (draft / path).write_text(text, "utf-8")
    return [folder / path for path in files]
