"""Folders and files that appear whole or not at all, and the checks of what is in them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from interp.errors import InputError

MANIFEST = "manifest.json"


def check_writable(folder: Path) -> None:
    """Raise InputError unless a new folder can be made at `folder`."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists and is not empty; name another --out folder")
    check_parent(folder)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder that becomes `folder` at the end, or vanishes on any error."""
    check_writable(folder)
    folder.absolute().parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.absolute().parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        temporary.replace(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error})") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A file in a temporary folder that moves to `path` at the end, or vanishes on any error.

    Files written beside it move with it, before it.
    """
    check_parent(path)
    _check_free(path)
    path.absolute().parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.absolute().parent))
    try:
        yield temporary / path.name
        written = sorted(temporary.iterdir(), key=lambda each: each.name == path.name)
        for each in written:
            _check_free(path.with_name(each.name))
        for each in written:
            each.replace(path.with_name(each.name))
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error})") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _check_free(path: Path) -> None:
    if path.exists():
        raise InputError(f"{path} exists; name another --out, or remove it first")


def check_parent(path: Path) -> None:
    """Raise InputError unless something can be written beside `path`."""
    parent = next(each for each in path.absolute().parents if each.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise InputError(f"{parent} is not a folder that can be written to; name another --out")


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_json_whole(path: Path, value: Any) -> None:
    """Write JSON that other processes see whole or not at all; a file that is there is replaced."""
    with whole_file(path) as draft:
        write_json(draft, value)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A draft beside `path` that takes its place at the end, or vanishes on any error.

    Unlike new_file it replaces a file that is there: for progress that is written again and again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        draft.chmod(0o644)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """Read JSON; InputError names the file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error})") from error


def seal(folder: Path, about: dict[str, Any]) -> None:
    """Write manifest.json last: `about` and the sha256 of every other file."""
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    sums = {each.relative_to(folder).as_posix(): _sha256(each) for each in files}
    write_json(folder / MANIFEST, {**about, "files": sums})


def unseal(folder: Path, kind: str) -> dict[str, Any]:
    """The manifest of a sealed folder of this kind; InputError if a file is missing or altered."""
    if not (folder / MANIFEST).is_file():
        raise InputError(
            f"{folder}: found no {MANIFEST}; expected a {kind} folder that interp wrote"
        )
    manifest: dict[str, Any] = read_json(folder / MANIFEST)
    if manifest.get("kind") != kind:
        raise InputError(f"{folder} holds a {manifest.get('kind')}, expected a {kind}")
    for name, digest in manifest["files"].items():
        path = folder / name
        if not path.is_file() or _sha256(path) != digest:
            raise InputError(f"{path} is missing or was altered since it was written")
    return manifest


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def slug(text: str) -> str:
    """Words as part of a file name."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:80]
