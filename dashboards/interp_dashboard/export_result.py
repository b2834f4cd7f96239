"""Copying a result from the visitor's own folder to the shared runs."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path

import streamlit as st

from interp.plain_text import markdown
from interp.storage.folder import MANIFEST, new_folder, read_json
from interp_dashboard.layout import show_errors
from interp_dashboard.session import setting


def export_button(folder: Path) -> None:
    """A button that copies a result to the shared runs; none for a result that is there."""
    if folder.parent == setting().runs:
        return
    words = "Copies it to the shared runs, where everybody who uses this dashboard sees it."
    if st.button("Keep among the runs", help=words, width="stretch"):
        with show_errors():
            name, new = export_result(folder, setting().runs)
            st.success(markdown(f"Kept as {name}" if new else f"It is kept already, as {name}"))


def export_result(folder: Path, runs: Path) -> tuple[str, bool]:
    """Copy a result into the folder of runs; its name there, and whether it is new there.

    Beside another result of the same name it gets a number.
    """
    for number in count(1):
        place = runs / (folder.name if number == 1 else f"{folder.name}-{number}")
        if not place.exists():
            break
        if _same(place, folder):
            return place.name, False
    with new_folder(place) as draft:
        shutil.copytree(folder, draft, dirs_exist_ok=True)
    return place.name, True


def _same(one: Path, two: Path) -> bool:
    """Whether two folders hold the same files, as their manifests say."""
    manifests = [each / MANIFEST for each in (one, two)]
    if not all(each.is_file() for each in manifests):
        return False
    first, second = (read_json(each) for each in manifests)
    return bool(first == second)
