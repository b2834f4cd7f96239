"""A folder that fills up piece by piece, and that the same request goes on with."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from interp.drawing import slug
from interp.errors import InputError
from interp.folder import check_parent, read_json, write_json
from interp.spec import Plain

REQUEST, BEGUN = "request.json", "begun.json"


@dataclass(frozen=True)
class Growing:
    """Each piece appears whole or not at all; what is there is not made again.

    `content`: fingerprints of what the request's names stood for when the folder was begun.
    """

    folder: Path
    request: Plain
    content: dict[str, str]

    def begin(self) -> None:
        """Make the folder, or check that the same request began it."""
        wanted = {REQUEST: self.request.model_dump(mode="json"), BEGUN: self.content}
        check_parent(self.folder)
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.glob("[!.]*"))):
            if any(self._read(name) != value for name, value in wanted.items()):
                raise InputError(
                    f"{self.folder} holds something else; name another --out folder, or repeat "
                    "the command that began it, with the same images and model, to go on"
                )
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, value in wanted.items():
            write_whole(self.folder / name, value)

    def _read(self, name: str) -> object:
        path = self.folder / name
        return read_json(path) if path.is_file() else None

    def piece(self, index: int, name: str) -> Path:
        """Where a piece goes."""
        return self.folder / f"{index:05d}-{slug(name)[-40:].strip('-') or 'image'}"

    def found(self, name: str) -> dict[int, Path]:
        """The file `name` of each piece that is there, by index."""
        return {
            int(each.parent.name.partition("-")[0]): each
            for each in self.folder.glob(f"[0-9]*-*/{name}")
        }

    def stopped(self, count: int) -> str:
        """What to tell somebody who stopped it."""
        return (
            f"stopped; {count} of the images are whole in {self.folder}, and the same command with "
            f"--out {self.folder} goes on"
        )


def write_whole(path: Path, value: object) -> None:
    """Write JSON that other processes see whole or not at all."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    os.close(handle)
    write_json(Path(temporary), value)
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)
