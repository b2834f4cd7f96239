"""What is uploaded: limited in size, known by its content, opened under limits, or refused."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from interp.cli.parse import input_fields
from interp.errors import InputError, ModelError
from interp.storage.folder import new_folder, write_json
from interp.storage.image import open_image
from interp.storage.model_card import CLASS_FILES
from interp_dashboard.command import LARGEST_MODEL

LINES, TABLE = CLASS_FILES
LARGEST_IMAGE = 20  # megabytes
MEGABYTE = 1 << 20
LONGEST = 2048
"""Pixels of an image's longer side; larger ones are made smaller, no network sees more."""
SECONDS = 120
"""Within which a model must open."""
CODE = {
    ".pt2": "exported PyTorch files can run code when they are opened",
    ".pt": "PyTorch files can run code when they are opened",
    ".pth": "PyTorch files can run code when they are opened",
    ".pkl": "pickles run code when they are opened",
    ".pickle": "pickles run code when they are opened",
    ".py": "it is code",
    ".zip": "it may hold anything",
}
CONTENT = {
    b"PK\x03\x04": "it is an archive, as PyTorch files are, which can run code when opened",
    b"\x80": "it is a pickle, which runs code when opened",
    b"#!": "it is code",
}
REMEDY = (
    "; export the model to ONNX (interp export, or torch.onnx.export), or start the dashboard "
    "with --models DIR for files that you trust"
)


def take_image(name: str, content: bytes) -> np.ndarray:
    """An uploaded picture as (H, W, 3) uint8 RGB; InputError says why it is refused."""
    _check_size(name, content, LARGEST_IMAGE)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image"
        path.write_bytes(content)
        try:
            return _shrunk(open_image(path))
        except InputError as error:
            raise InputError(str(error).replace(str(path), name)) from error


def _shrunk(image: np.ndarray) -> np.ndarray:
    import cv2

    height, width = image.shape[:2]
    share = LONGEST / max(height, width)
    if share >= 1:
        return image
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def take_model(
    name: str, content: bytes, folder: Path, classes: bytes = b"", fields: str = ""
) -> Path:
    """An uploaded .onnx file, put into `folder` once a worker process could open it.

    `classes`: a file of class names, one a line or a table with a column `name`. `fields`: how an
    image becomes the input, as `--input` takes it: `mean=.5,.5,.5,std=.5,.5,.5`.
    """
    _check_kind(name, content)
    _check_size(name, content, LARGEST_MODEL)
    said = input_fields(fields) if fields.strip() else {}
    digest = hashlib.sha256(b"|".join([content, classes, repr(said).encode()])).hexdigest()
    place, file = folder / digest[:16], f"{_plain(Path(name).stem)}.onnx"
    if not (place / file).exists():
        with new_folder(place) as draft:
            (draft / file).write_bytes(content)
            beside: dict[str, object] = {"input": said}
            if classes:
                beside["classes"] = TABLE if b"\t" in classes.partition(b"\n")[0] else LINES
                (draft / str(beside["classes"])).write_bytes(classes)
            write_json(draft / f"{file}.interp.yaml", beside)  # JSON is YAML
            _try(name, draft / file)
    return place / file


def _check_kind(name: str, content: bytes) -> None:
    suffix = Path(name).suffix.lower()
    if suffix in CODE:
        raise InputError(f"{name} is refused: {CODE[suffix]}{REMEDY}")
    for start, reason in CONTENT.items():
        if content.startswith(start):
            raise InputError(f"{name} is refused: {reason}{REMEDY}")
    if suffix != ".onnx":
        raise InputError(f"{name}: expected an .onnx file{REMEDY}")


def _check_size(name: str, content: bytes, limit: int) -> None:
    if len(content) > limit * MEGABYTE:
        raise InputError(
            f"{name} has {len(content) / MEGABYTE:.0f} MB; expected at most {limit} MB"
        )
    if not content:
        raise InputError(f"{name} is empty (0 bytes); upload it again")


def _try(name: str, path: Path) -> None:
    """Open a model in a process of its own; ModelError tells why it cannot be used."""
    command = [sys.executable, "-m", "interp_dashboard.worker", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"{name} did not open within {SECONDS} s; it is refused") from error
    if done.returncode:
        raise ModelError(f"{name} is refused: {_plainly(_reason(done), path, name)}")


def _plainly(reason: str, path: Path, name: str) -> str:
    """A reason in the visitor's names: where files lie here is not theirs to know."""
    return reason.replace(str(path), name).replace(f"{path.parent}/", "")


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """The worker's own words, or how it ended where it could not speak."""
    try:
        return str(json.loads(done.stdout)["error"])
    except (ValueError, KeyError):
        return f"the process that opened it ended with code {done.returncode}"


def _plain(name: str) -> str:
    """A file name without surprises."""
    kept = "".join(each if each.isalnum() or each in "-_." else "-" for each in name)
    return kept.strip(".-")[:60] or "model"
