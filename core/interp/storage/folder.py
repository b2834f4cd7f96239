"""Folders and files that appear whole or not at all, and checksums of what is in them."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from interp.errors import InputError, InterpError, OutputError, first_line, is_refusal, refusal
from interp.short import listed
from interp.storage.text_file import read_text

MANIFEST = "manifest.json"
NAME = 100
"""Letters of a file's name in that of its draft; longer ones may be too long for the system."""
NAMED = 3
"""Results in a folder that an error names."""
LEFTOVER = re.compile(r"-([0-9a-f]{6})-(\d+)-\w{8}$")
"""End of a draft's name: the machine and the process that it belongs to."""
UNDECODED = "backslashreplace"
"""How names of files that are no UTF-8 are written: as JSON escapes such letters."""
JSON_MOST = 1 << 30
"""Bytes of a JSON file that is read: annotations of a large data set."""


def check_new_folder(folder: Path) -> None:
    """Raise InputError unless a folder can be made at `folder`; an empty one may be there."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        expected = "it holds a whole result" if is_sealed(folder) else "expected a new folder"
        raise InputError(f"{folder} exists and is not empty; {expected}; name another with --out")
    check_parent(folder)


def check_new_file(path: Path) -> None:
    """Raise InputError unless a file can be made at `path`; one that is there stays untouched."""
    if path.exists():
        raise InputError(f"{path} exists; name another --out, or remove it first")
    check_parent(path)


def check_parent(path: Path) -> None:
    """Raise InputError unless something can be written beside `path`."""
    parent = next(each for each in path.absolute().parents if each.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise InputError(f"{parent} is not a folder that can be written to; name another --out")


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder that becomes `folder` at the end of the block; removed on any error."""
    check_new_folder(folder)
    with _draft(folder) as temporary:
        yield temporary
        temporary.chmod(0o755)
        try:
            temporary.replace(folder)
        except OSError:
            check_new_folder(folder)  # another process was faster
            raise


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A temporary file that becomes `path` at the end of the block; removed on any error.

    Files that the block writes beside it move along, before it.
    """
    _remove_leftovers_once(path.absolute().parent)  # also where the file was whole before the kill
    check_new_file(path)
    with _draft(path) as temporary:
        yield temporary / path.name
        written = sorted(temporary.iterdir(), key=lambda each: each.name == path.name)
        for each in written:
            check_new_file(path.with_name(each.name))
        for each in written:
            each.replace(path.with_name(each.name))


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """A folder beside `path` in which it is made; raises OutputError where there is no room."""
    with _writing(path), _temporary(path) as temporary:
        try:
            yield temporary
        except OutputError as error:  # about a file in it, which is named as it would be called
            raise OutputError(str(error).replace(str(temporary), str(path))) from error


def remove_folder(folder: Path) -> None:
    """Remove a folder, if it is there; other processes, and a kill, see all of it or nothing."""
    if not folder.is_dir():
        return
    with suppress(OSError), _temporary(folder) as removed:
        folder.replace(removed / folder.name)
    shutil.rmtree(folder, ignore_errors=True)  # where there was no room for the move


@contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """A folder among the system's temporary ones that is removed at the end of the block.

    What a killed process left of this kind is removed when the next one is made.
    """
    with _temporary(Path(tempfile.gettempdir()) / f"interp-{name}") as temporary:
        yield temporary


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """A folder beside `path` that is removed at the end, unless it was moved."""
    parent = path.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers_once(parent)
    temporary = Path(tempfile.mkdtemp(prefix=_prefix(path), dir=parent))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary file that replaces `path` at the end of the block; removed on any error.

    Other processes see the old file or the new one, never a part: for progress that is saved again
    and again. Unlike new_file it accepts a file that is there. Raises OutputError where there is no
    room.
    """
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers_once(path.parent)
        handle, name = tempfile.mkstemp(prefix=_prefix(path), dir=path.parent)
        os.close(handle)
        draft = Path(name)
        try:
            yield draft
            draft.chmod(0o644)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write inside the block into an OutputError that names `path`."""
    try:
        yield
    except Exception as error:
        if not is_refusal(error):
            raise
        raise OutputError(
            f"{path}: cannot be written: {refusal(error)}; what was kept before is whole"
        ) from error


def _prefix(path: Path) -> str:
    """How the name of a temporary file or folder for `path` begins: whose it is."""
    return f".{path.name[:NAME]}-{_host()}-{os.getpid()}-"


@cache
def _host() -> str:
    """This machine, in six letters: folders may be shared with others."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


def remove_leftovers(folder: Path) -> None:
    """Remove what processes of this machine that were killed have left in a folder."""
    for each in folder.glob(".*"):
        owner = LEFTOVER.search(each.name)
        if owner is None or owner[1] != _host() or _is_alive(int(owner[2])):
            continue
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each, ignore_errors=True)
        else:
            each.unlink(missing_ok=True)


@cache
def _remove_leftovers_once(folder: Path) -> None:
    """The same, once for each folder: what is written many times would look again every time."""
    remove_leftovers(folder)


def _is_alive(process: int) -> bool:
    """Whether a process of this number is running."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True


def write_text_whole(path: Path, text: str) -> None:
    """Write text in UTF-8 by way of whole_file."""
    with whole_file(path) as draft:
        draft.write_text(text, "utf-8", UNDECODED)


def write_json(path: Path, value: Any, indent: int | None = 2) -> None:
    """Write JSON; without `indent` on one line, for large documents."""
    text = json.dumps(value, indent=indent, ensure_ascii=False) + "\n"
    path.write_text(text, "utf-8", UNDECODED)


def write_json_whole(path: Path, value: Any) -> None:
    """Write readable JSON by way of whole_file."""
    with whole_file(path) as draft:
        write_json(draft, value)


def read_json(path: Path) -> Any:
    """The value in a JSON file. Raises InputError that names the file."""
    try:
        return json.loads(read_text(path, JSON_MOST))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: expected JSON that can be read; found {error}") from error


@contextmanager
def read_whole(place: Path | str, what: str) -> Iterator[None]:
    """Turn any failure to make sense of a file or folder inside the block into an InputError.

    `what` is what was expected there. Errors that interp raises on purpose pass.
    """
    try:
        yield
    except InterpError:
        raise
    except Exception as error:  # parsers of many kinds, given anything
        raise InputError(
            f"{place} is damaged: expected {what}; found {type(error).__name__}: "
            f"{first_line(error)}; make it again"
        ) from error


def seal(folder: Path, about: dict[str, Any]) -> None:
    """Write manifest.json: the facts in `about`, and the sha256 of every other file.

    Hidden files, such as drafts of other processes, are left out.
    """
    files = sorted(each.relative_to(folder) for each in folder.rglob("*") if each.is_file())
    sums = {
        each.as_posix(): _sha256(folder / each)
        for each in files
        if each != Path(MANIFEST) and not any(part.startswith(".") for part in each.parts)
    }
    write_json_whole(folder / MANIFEST, {**about, "files": sums})


def unseal(folder: Path, kind: str) -> dict[str, Any]:
    """The manifest of a sealed folder. Raises InputError unless it is whole and of this kind."""
    if not (folder / MANIFEST).is_file():
        raise not_sealed(folder, f"a folder of kind {kind} that interp wrote")
    with read_whole(folder / MANIFEST, f"a manifest of kind {kind}"):
        manifest: dict[str, Any] = read_json(folder / MANIFEST)
        if manifest["kind"] != kind:
            raise InputError(f"{folder} is of kind {manifest['kind']}; expected one of kind {kind}")
        _check_files(folder, manifest["files"])
    return manifest


def is_sealed(folder: Path) -> bool:
    """Whether a folder is one that interp wrote to its end."""
    return (folder / MANIFEST).is_file()


def not_sealed(folder: Path, expected: str) -> InputError:
    """The error for a folder without a manifest, which names the results that it holds."""
    names = sorted(each.parent.name for each in folder.glob(f"[!.]*/{MANIFEST}"))
    found = f"; name one of the results in it: {listed(names, NAMED)}" if names else ""
    return InputError(f"{folder}: found no {MANIFEST}; expected {expected}{found}")


def check_sealed(folder: Path) -> None:
    """Raise InputError where a folder of any kind was altered since it was sealed, if it was."""
    if os.path.lexists(folder / MANIFEST):
        with read_whole(folder / MANIFEST, "a manifest"):
            _check_files(folder, read_json(folder / MANIFEST)["files"])


def _check_files(folder: Path, sums: dict[str, str]) -> None:
    for each in folder.rglob("*"):
        if not each.is_file() and not each.is_dir():  # a pipe or device would never end
            raise InputError(f"{each} is no regular file; expected what interp wrote")
    for name, digest in sums.items():
        path = folder / name
        if not path.is_file() or _sha256(path) != digest:
            raise InputError(
                f"{path} is missing or was altered since it was written; make the folder again"
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def absolute_file(name: str) -> str:
    """The absolute path of a file; what is no file's name stays as it is."""
    return str(Path(name).resolve()) if Path(name).is_file() else name


def day_and_time(written: object) -> str:
    """When a folder was written, as its manifest says: `30 Nov 2026, 08:35 UTC`; a dash for none.

    Text that is no ISO time stays as it is.
    """
    try:
        when = datetime.fromisoformat(str(written)).astimezone(UTC)
    except ValueError:
        return str(written or "–")
    return f"{when.day} {when:%b %Y, %H:%M} UTC"


def slug(text: str) -> str:
    """Text as part of a file name: "Tiger cat" is tiger-cat."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:80]
