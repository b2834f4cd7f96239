"""Checks of readers: they are tried on data that are given, or that come with the package."""

from __future__ import annotations

import tempfile
from pathlib import Path

from interp.errors import InputError
from interp.opening.pattern import FOLDER
from interp.opening.reader import fitting_readers
from interp.testing.entry_case import EntryCase, EntryCheck
from interp.testing.kind.data import example, opened_data, reader_entry
from interp.testing.kind.dataset import check_images, check_order, check_truth

RUBBISH = b"\x00\x01 this is no data set \xff"


def check_patterns(case: EntryCase) -> str:
    """Its patterns fit the data on which it is tried."""
    path = example(case)
    found = fitting_readers(path, [reader_entry(case)])
    assert found, f"{path} fits none of {', '.join(reader_entry(case).sources)}"
    return f"{path.name} fits {', '.join(found[case.name])}"


def check_reads(case: EntryCase) -> str:
    """It reads the data: images with names, and the number of them beforehand."""
    data = opened_data(case)
    examples = list(data)
    assert examples, "found no image"
    assert len(examples) == len(data), f"found {len(examples)} images; it says {len(data)}"
    assert all(each.name for each in examples), "found an image without a name"
    return f"{len(data)} images of {len(data.classes)} classes"


def check_fingerprint(case: EntryCase) -> None:
    """Opened again, the data have the same fingerprint, which is text."""
    first, again = opened_data(case).fingerprint, opened_data(case).fingerprint
    assert first and isinstance(first, str), f"found the fingerprint {first!r}"
    assert first == again, "the fingerprint changes from time to time"


def check_refuses(case: EntryCase) -> str:
    """What is missing, or no such data, is an InputError in a line, not an image."""
    forms = reader_entry(case).sources
    with tempfile.TemporaryDirectory() as folder:
        for number, form in enumerate(forms):
            place = Path(folder) / str(number)
            place.mkdir()
            if form.startswith(FOLDER):
                path, wrong = place, place / form.removeprefix(FOLDER).replace("*", "rubbish")
            else:
                path = wrong = place / form.replace("*", "rubbish")
            _refused(case, path if path != place else place / "nowhere")
            wrong.parent.mkdir(parents=True, exist_ok=True)
            wrong.write_bytes(RUBBISH)
            _refused(case, path)
    return f"refuses rubbish as {len(forms)} forms"


def _refused(case: EntryCase, path: Path) -> None:
    try:
        found = case.subject(path)
        refused, told = not len(found) or not found[0], ""
    except InputError as error:
        refused, told = True, str(error)
    except Exception as error:
        raise AssertionError(
            f"{path.name}: found {type(error).__name__}: {error}; expected an InputError that says "
            "what was expected"
        ) from error
    assert refused, f"{path.name} was read, though there is no image in it"
    assert "\n" not in told, f"the message has several lines: {told}"


CHECKS: dict[str, tuple[EntryCheck, ...]] = {
    "reader": (
        check_refuses,
        check_patterns,
        check_reads,
        check_images,
        check_truth,
        check_order,
        check_fingerprint,
    )
}
