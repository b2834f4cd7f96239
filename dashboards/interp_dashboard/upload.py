"""Uploads: limited in size, identified by content, opened under limits, or refused."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from interp.cli.parse import input_fields
from interp.errors import InputError, ModelError
from interp.storage.folder import new_folder, read_json, write_json
from interp.storage.image import SUFFIXES, read_image
from interp.storage.model_card import CLASS_FILES
from interp.storage.pixel import LoadedImage
from interp_dashboard.command import LARGEST_MODEL
from interp_dashboard.model import Check, worker_of

LINES, TABLE = CLASS_FILES
LARGEST_IMAGE = 20  # megabytes
MEGABYTE = 1 << 20
LONGEST = 2048
"""Pixels of an image's longer side; larger images are shrunk, as no network sees more."""
SECONDS = 120
"""Time within which a model must open."""
CODE = {
    **dict.fromkeys((".pt", ".pth", ".pt2"), "PyTorch files can run code when they are opened"),
    **dict.fromkeys((".pkl", ".pickle"), "pickles run code when they are opened"),
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


def take_image(name: str, content: bytes) -> LoadedImage:
    """An uploaded image and notes on how it was read. Raises InputError, saying why, if refused."""
    _check_size(name, content, LARGEST_IMAGE)
    with tempfile.TemporaryDirectory() as folder:
        suffix = Path(name).suffix.lower()
        path = Path(folder) / f"image{suffix if suffix in SUFFIXES else ''}"
        path.write_bytes(content)
        try:
            return _shrunk(read_image(path))
        except InputError as error:
            raise InputError(str(error).replace(str(path), name)) from error


def _shrunk(image: LoadedImage) -> LoadedImage:
    import cv2

    height, width = image.pixels.shape[:2]
    share = LONGEST / max(height, width)
    if share >= 1:
        return image
    size = (max(1, round(width * share)), max(1, round(height * share)))
    planes = [
        cv2.resize(np.ascontiguousarray(each), size, interpolation=cv2.INTER_AREA)
        for each in image.pixels.transpose(2, 0, 1)
    ]
    note = f"{width} x {height} pixels were scaled to {size[0]} x {size[1]}"
    whole = None if image.whole is None else _shrunk(image.whole)
    return LoadedImage(np.stack(planes, 2), (*image.notes, note), whole)


def take_model(
    name: str,
    content: bytes,
    folder: Path,
    classes: bytes = b"",
    fields: str = "",
    readout: str = "classes",
) -> Path:
    """Put an uploaded .onnx file into `folder`, after a separate process could open it.

    `classes`: a file of class names, one per line or a table with a column `name`. `fields`: the
    preprocessing, as in `--input`: `mean=.5,.5,.5,std=.5,.5,.5`. `readout`: the registered name of
    how its answer is read. Raises ModelError or InputError with the reason of a refusal.
    """
    _check_kind(name, content)
    _check_size(name, content, LARGEST_MODEL)
    card: dict[str, Any] = {"input": input_fields(fields) if fields.strip() else {}}
    return _kept(name, content, folder, {**card, "readout": readout}, classes)


def with_input(model: Path, fields: Mapping[str, Any]) -> Path:
    """A model of take_model with these fields of its input. Raises ModelError as it does."""
    card = read_json(_card(model))
    names = model.parent / str(card.pop("classes", ""))
    classes = names.read_bytes() if names.is_file() else b""
    card["input"] = {**card["input"], **fields}
    return _kept(model.name, model.read_bytes(), model.parent.parent.parent, card, classes)


def _kept(name: str, content: bytes, folder: Path, card: dict[str, Any], classes: bytes) -> Path:
    """The model with its card in a folder of their own, in the folder of the file's content."""
    file = f"{_safe(Path(name).stem)}.onnx"
    if classes:
        card = {**card, "classes": TABLE if b"\t" in classes.partition(b"\n")[0] else LINES}
    digest = hashlib.sha256("|".join((file, json.dumps(card))).encode() + classes).hexdigest()
    place = folder / hashlib.sha256(content).hexdigest()[:16] / digest[:16]
    if not (place / file).exists():
        with new_folder(place) as draft:
            (draft / file).write_bytes(content)
            if classes:
                (draft / str(card["classes"])).write_bytes(classes)
            write_json(_card(draft / file), card)  # JSON is YAML
            _try(name, draft / file)
    return place / file


def _card(model: Path) -> Path:
    return model.with_name(f"{model.name}.interp.yaml")


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
    """Open a model in its process. Raises ModelError with the reason if that fails."""
    try:
        worker_of(str(path)).do(Check(str(path)), silence=SECONDS)
    except ModelError as error:
        # visitors must not learn where files lie on this machine
        reason = str(error).replace(str(path), name).replace(f"{path.parent}/", "")
        raise ModelError(f"{name} is refused: {reason}") from error


def _safe(name: str) -> str:
    """A file name of letters, digits, hyphens, underscores and dots."""
    kept = "".join(each if each.isalnum() or each in "-_." else "-" for each in name)
    return kept.strip(".-")[:60] or "model"
