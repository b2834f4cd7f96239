"""An evaluation on disk: the folder it ends as, and what is kept of it under way."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interp.bundle import circumstances, write_png
from interp.errors import InputError
from interp.evaluation.plot import draw_evaluation
from interp.evaluation.request import Record
from interp.evaluation.result import Evaluation
from interp.evaluation.table import COLUMNS, long_rows, markdown
from interp.folder import MANIFEST, new_folder, read_json, seal, unseal, write_json

KIND = "evaluation"


@dataclass(frozen=True)
class Partial:
    """A folder beside the final one: what is evaluated, and a file per image that is done."""

    folder: Path

    @classmethod
    def beside(cls, out: Path) -> Partial:
        """That of an evaluation that will be saved at `out`."""
        return cls(out.with_name(f"{out.name}.partial"))

    def begin(self, about: dict[str, Any], resume: bool) -> dict[int, Record]:
        """What is kept of this evaluation, by position.

        InputError where an unfinished one is there and is not to be resumed, or is another.
        """
        note = self.folder / "about.json"
        if not note.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(note, about)
            return {}
        if not resume:
            raise InputError(
                f"{self.folder} holds an unfinished evaluation; go on with --resume, or remove it"
            )
        if read_json(note) != about:
            raise InputError(
                f"{self.folder} was begun with another request, model or data; repeat that "
                "command, or name another --out"
            )
        records = (Record.model_validate(read_json(each)) for each in self.folder.glob("image-*"))
        return {each.position: each for each in records}

    def keep(self, record: Record) -> None:
        """Write one image's values, whole or not at all."""
        _write(self.folder / f"image-{record.position:06d}.json", record.model_dump())

    def forget(self) -> None:
        """Remove what was kept, once the evaluation is saved."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _write(path: Path, value: Any) -> None:
    draft = path.with_name(f".{path.name}")
    write_json(draft, value)
    draft.replace(path)


def save_evaluation(found: Evaluation, folder: Path) -> None:
    """Write results.json, table.csv, table.md, plot.png and the manifest; all or nothing."""
    with new_folder(folder) as place:
        write_json(place / "results.json", found.plain())
        with (place / "table.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(long_rows(found))
        (place / "table.md").write_text(markdown(found), encoding="utf-8")
        write_png(place / "plot.png", draw_evaluation(found))
        about = {"kind": KIND, "seed": found.request.seed, "device": found.model.device}
        seal(place, {**about, **circumstances()})


def is_evaluation(folder: Path) -> bool:
    """Whether evaluate wrote this folder."""
    manifest = folder / MANIFEST
    return manifest.is_file() and read_json(manifest).get("kind") == KIND


def open_evaluation(folder: Path) -> Evaluation:
    """What save_evaluation wrote; InputError if it is something else or was altered."""
    unseal(folder, KIND)
    return Evaluation.of(read_json(folder / "results.json"))


def merge_evaluations(parts: Sequence[Path], out: Path) -> Evaluation:
    """One evaluation of the folders of its shards, saved at `out`."""
    found = Evaluation.merge([open_evaluation(each) for each in parts])
    save_evaluation(found, out)
    return found
