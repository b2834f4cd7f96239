"""Keeping a result: from the visitor's own folder to the one that the dashboard was given."""

from __future__ import annotations

import shutil
from pathlib import Path

import streamlit as st

from interp.errors import InterpError
from interp.storage.folder import new_folder
from interp_dashboard.session import setting


def keep_button(folder: Path) -> None:
    """A button, where it is not kept yet; who uses this dashboard sees what was."""
    if folder.parent == setting().runs:
        return
    words = "Copies it where the dashboard keeps results; everybody who uses it sees them there."
    if st.button("Keep among the runs", help=words, width="stretch"):
        try:
            st.success(f"Kept as {keep(folder, setting().runs)}")
        except InterpError as error:
            st.error(str(error))


def keep(folder: Path, runs: Path) -> str:
    """Copy a result into the folder of runs; its name there."""
    with new_folder(runs / folder.name) as place:
        shutil.copytree(folder, place, dirs_exist_ok=True)
    return folder.name
