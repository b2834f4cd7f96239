"""What a folder holds that interp wrote, as a whole."""

from __future__ import annotations

from pathlib import Path

from interp.comparison.models import model_folders
from interp.errors import InputError
from interp.run_folder import INDEX
from interp.storage.folder import MANIFEST, not_sealed, read_json

FOLDER_RUN, MODELS = "run on a folder of images", "comparison of models"
"""Kinds of folders that hold results in folders of their own and have no manifest."""
REPEATABLE = ("explanation", "comparison", FOLDER_RUN, MODELS)


def result_kind(folder: Path) -> str | None:
    """explanation, comparison, evaluation, knowledge, FOLDER_RUN or MODELS; None for none of it."""
    if (folder / MANIFEST).is_file():
        return str(read_json(folder / MANIFEST).get("kind"))
    if (folder / INDEX).is_file():
        return FOLDER_RUN
    return MODELS if model_folders(folder) else None


def repeatable_kind(folder: Path) -> str:
    """One of REPEATABLE. Raises InputError for any other folder, which names the results in it."""
    kind = result_kind(folder)
    if kind is None:
        raise not_sealed(folder, "a folder that run or compare wrote")
    if kind not in REPEATABLE:
        raise InputError(f"{folder} is of kind {kind}; expected what run or compare wrote")
    return kind
