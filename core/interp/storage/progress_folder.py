"""The folder beside an output in which a run keeps its progress until the output is whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from interp.errors import InputError
from interp.storage.folder import (
    check_new_folder,
    is_sealed,
    remove_folder,
    remove_leftovers,
    write_json_whole,
)
from interp.storage.folder_lock import lock

MARK = "interp-progress.json"
"""The file by which a folder of progress is known from a user's own."""
WRITTEN = re.compile(
    r"[0-9a-f]{24}(-\d+){0,3}\.safetensors|training-[0-9a-f]{24}\.(pt|new)|log\.jsonl|\..*"
)
"""Names of the files in folders of progress that were made before there was a mark."""


@dataclass(frozen=True)
class ProgressFolder:
    """Progress of a run that the same request goes on from; removed once the output is whole.

    A folder of that name that holds anything else is the user's, and is left alone.
    """

    folder: Path
    out: Path
    """The output."""

    @classmethod
    def beside(cls, out: Path) -> ProgressFolder:
        """The folder of progress of the output `out`."""
        return cls(out.with_name(f"{out.name}.partial"), out)

    @contextmanager
    def kept(self) -> Iterator[Path]:
        """The folder, marked; removed at the end of the block where nothing was kept in it.

        Raises InputError where it holds something else, where another process is at work in it, and
        where the output is there.
        """
        self.remove_finished()
        check_new_folder(self.out)
        if not self._ours():
            raise InputError(
                f"{self.folder} is there and was not written by interp, which would keep its "
                "progress in it; move it, or name another --out"
            )
        parent = self.folder.parent
        made = not parent.exists()
        write_json_whole(self.folder / MARK, {"kind": "progress"})
        with lock(self.folder, self.out):
            try:
                check_new_folder(self.out)  # another process may have been faster
                yield self.folder
            except KeyboardInterrupt as error:
                if self._is_bare():
                    raise
                raise KeyboardInterrupt(
                    f"stopped; progress is kept in {self.folder}, and the same command with --out "
                    f"{self.out} goes on"
                ) from error
            finally:
                if self._is_bare():
                    self.remove()
                if made and parent.is_dir() and not any(parent.iterdir()):
                    parent.rmdir()

    def remove_finished(self) -> None:
        """Remove what a process left that was killed after its output was whole."""
        remove_leftovers(self.out.absolute().parent)
        if is_sealed(self.out) and self.folder.is_dir():
            with suppress(InputError), lock(self.folder, self.out):
                self.remove()

    def remove(self) -> None:
        """Remove the folder and all that it holds, if it is one of progress."""
        if self._ours():
            remove_folder(self.folder)

    def _is_bare(self) -> bool:
        """Whether no progress is kept."""
        return {each.name for each in self._entries()} <= {MARK}

    def _entries(self) -> list[Path]:
        return list(self.folder.iterdir()) if self.folder.is_dir() else []

    def _ours(self) -> bool:
        """Whether nothing is there, or only what a run has kept."""
        if not self.folder.is_dir():
            return not self.folder.exists() and not self.folder.is_symlink()
        if (self.folder / MARK).is_file():
            return True
        return all(each.is_file() and WRITTEN.fullmatch(each.name) for each in self._entries())
