"""An evaluation on disk: its folder, and the one that keeps an unfinished evaluation."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from interp.errors import InputError
from interp.evaluation.evaluation_run import EvaluationRun
from interp.evaluation.plot import draw_evaluation
from interp.evaluation.request import EvaluationRecord
from interp.evaluation.result import Evaluation
from interp.evaluation.table import COLUMNS, long_rows, markdown
from interp.registry import Registry
from interp.result.bundle import circumstances
from interp.result.stored_image import write_png
from interp.session import Session
from interp.short import listed
from interp.storage.folder import (
    MANIFEST,
    check_new_folder,
    new_folder,
    read_json,
    read_whole,
    remove_folder,
    remove_leftovers,
    seal,
    unseal,
    write_json,
    write_json_whole,
)
from interp.storage.folder_lock import lock
from interp.storage.resumable import ResumableFolder, differing

KIND = "evaluation"
ABOUT, RESULTS = "about.json", "results.json"


@contextmanager
def unfinished(out: Path, run: EvaluationRun) -> Iterator[ResumableFolder]:
    """The folder beside `out` that keeps an unfinished evaluation, one file per image.

    Raises InputError where it is there and keeps another evaluation, or another process is at work
    in it.
    """
    about = {"request": run.request.model_dump(mode="json"), **run.content}
    folder = ResumableFolder(_partial(out), {ABOUT: about})
    folder.begin()
    with lock(folder.folder, out):
        check_new_folder(out)  # another process may have been faster
        yield folder


def read_finished(out: Path, run: EvaluationRun) -> Evaluation:
    """The evaluation that is whole at `out`.

    Raises InputError unless it is of the same request, images and model.
    """
    found = open_evaluation(out)
    stored, wanted = (each.model_dump(mode="json") for each in (found.request, run.request))
    content = {"model": found.model.fingerprint, "data": found.data}
    others = differing(stored, wanted) | differing(content, run.content)
    if others:
        raise InputError(
            f"{out} holds another evaluation, of other {listed(sorted(others))}; name another "
            "--out folder"
        )
    return found


def check_evaluation_folder(out: Path) -> None:
    """Raise InputError unless an evaluation can be made at `out`, or is whole there."""
    if not is_evaluation(out):
        check_new_folder(out)


def remove_finished(out: Path) -> None:
    """Remove what a process left that was killed after the evaluation at `out` was whole."""
    remove_leftovers(out.absolute().parent)
    about = _partial(out) / ABOUT
    if not is_evaluation(out) or not about.is_file():
        return
    with suppress(InputError), lock(about.parent, out):
        if read_json(about).get("request") == read_json(out / RESULTS)["request"]:
            remove_folder(about.parent)


def _partial(out: Path) -> Path:
    return out.with_name(f"{out.name}.partial")


def read_records(folder: ResumableFolder) -> dict[int, EvaluationRecord]:
    """The records that an unfinished evaluation keeps, by position."""
    files = folder.folder.glob("image-*")
    records = [EvaluationRecord.model_validate(read_json(each)) for each in files]
    return {each.position: each for each in records}


def save_record(folder: ResumableFolder, record: EvaluationRecord) -> None:
    """Write one image's record, whole or not at all."""
    path = folder.folder / f"image-{record.position:06d}.json"
    write_json_whole(path, record.model_dump())


def save_evaluation(
    found: Evaluation, folder: str | Path, report: Callable[[Evaluation], str] | None = None
) -> None:
    """Write results.json, table.csv, table.md, plot.png and the manifest, whole or not at all.

    `report`, where it is given, makes the text of report.html beside them.
    """
    with new_folder(Path(folder)) as place:
        write_json(place / RESULTS, found.plain())
        with (place / "table.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(long_rows(found))
        (place / "table.md").write_text(markdown(found), encoding="utf-8")
        write_png(place / "plot.png", draw_evaluation(found))
        if report is not None:
            (place / "report.html").write_text(report(found), encoding="utf-8")
        about = {"kind": KIND, "seed": found.request.seed, "device": found.model.device}
        seal(place, {**about, **circumstances()})


def is_evaluation(folder: str | Path) -> bool:
    """Whether evaluate wrote this folder."""
    manifest = Path(folder) / MANIFEST
    return manifest.is_file() and read_json(manifest).get("kind") == KIND


def open_evaluation(folder: str | Path) -> Evaluation:
    """What save_evaluation wrote. Raises InputError for another folder or an altered one."""
    folder = Path(folder)
    unseal(folder, KIND)
    with read_whole(folder, "an evaluation"):
        return Evaluation.of(read_json(folder / RESULTS))


def merge_evaluations(
    parts: Sequence[str | Path],
    out: str | Path,
    registry: Registry | None = None,
    report: Callable[[Evaluation], str] | None = None,
) -> Evaluation:
    """The evaluation whose shards these folders hold, saved at `out` as by save_evaluation."""
    found = Evaluation.merge([open_evaluation(each) for each in parts])
    save_evaluation(found, out, report)
    return found.noted(Session(registry or Registry.load()).saved(Path(out), found))
