"""An evaluation on disk: the folder it ends as, and what is kept of it under way."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from interp.evaluation.evaluation_run import EvaluationRun
from interp.evaluation.plot import draw_evaluation
from interp.evaluation.request import EvaluationRecord
from interp.evaluation.result import Evaluation
from interp.evaluation.table import COLUMNS, long_rows, markdown
from interp.result.bundle import circumstances, write_png
from interp.storage.folder import (
    MANIFEST,
    new_folder,
    read_json,
    seal,
    unseal,
    write_json,
    write_json_whole,
)
from interp.storage.resumable import ResumableFolder

KIND = "evaluation"


@dataclass(frozen=True)
class Partial:
    """The folder beside the final one that keeps an unfinished evaluation, one file per image."""

    folder: ResumableFolder

    @classmethod
    def beside(cls, out: Path, run: EvaluationRun) -> Partial:
        """That of an evaluation that will be saved at `out`."""
        about = {
            "request": run.request.model_dump(mode="json"),
            "model": run.model.spec.fingerprint,
            "data": run.images.dataset.fingerprint,
        }
        return cls(ResumableFolder(out.with_name(f"{out.name}.partial"), {"about.json": about}))

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.folder.folder

    def begin(self) -> dict[int, EvaluationRecord]:
        """What is kept of this evaluation, by position; InputError where it is another's."""
        self.folder.begin()
        records = (
            EvaluationRecord.model_validate(read_json(each)) for each in self.path.glob("image-*")
        )
        return {each.position: each for each in records}

    def keep(self, record: EvaluationRecord) -> None:
        """Write one image's values, whole or not at all."""
        write_json_whole(self.path / f"image-{record.position:06d}.json", record.model_dump())

    def forget(self) -> None:
        """Remove what was kept, once the evaluation is saved."""
        self.folder.remove()


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
