"""Copying a result from the visitor's own folder to the shared runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import streamlit as st

from interp.plain_text import markdown
from interp.storage.folder import new_folder
from interp_dashboard.layout import show_errors
from interp_dashboard.session import setting


def export_button(folder: Path) -> None:
    """A button that copies a result to the shared runs; none for a result that is there."""
    if folder.parent == setting().runs:
        return
    words = "Copies it to the shared runs, where everybody who uses this dashboard sees it."
    if st.button("Keep among the runs", help=words, width="stretch"):
        with show_errors():
            st.success(f"Kept as {markdown(export_result(folder, setting().runs))}")


def export_result(folder: Path, runs: Path) -> str:
    """Copy a result into the folder of runs, and return its name there."""
    with new_folder(runs / folder.name) as place:
        shutil.copytree(folder, place, dirs_exist_ok=True)
    return folder.name
