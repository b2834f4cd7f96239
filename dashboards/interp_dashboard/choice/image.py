"""Choosing images: samples, from the folder given, or uploaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from interp.errors import InterpError
from interp.storage.image import open_image
from interp_dashboard.session import registry, session, setting
from interp_dashboard.upload import LARGEST_IMAGE, take_image

MOST = 16
"""Uploaded images that a visitor may have at a time."""


def choose_images(given: Sequence[str]) -> dict[str, np.ndarray]:
    """Images by name, (H, W, 3) uint8."""
    _upload_images()
    mine = session()
    files = _files()
    names = [*mine.images, *files]
    first = list(mine.images) or [each for each in given if each in files] or names[:1]
    picked = st.multiselect("Images", names, first, key=f"images beside {list(mine.images)}")
    found = {each: mine.images[each] if each in mine.images else files[each] for each in picked}
    opened = {}
    for name, each in found.items():
        try:
            opened[name] = each if isinstance(each, np.ndarray) else open_image(each)
        except InterpError as error:
            st.error(str(error))
    if opened:
        st.image(list(opened.values()), caption=list(opened), width=150, alt=list(opened))
    return opened


def _files() -> dict[str, Path]:
    samples = {
        each.name: Path(registry().get("sample", each.name))
        for each in registry().entries("sample")
    }
    return {**samples, **setting().image_files()}


def _upload_images() -> None:
    with st.expander("Upload images"):
        st.caption(
            f"PNG, JPEG, WebP, BMP or TIFF, at most {LARGEST_IMAGE} MB each; the last {MOST} stay."
        )
        held = st.file_uploader(
            "Image files",
            key="image files",
            accept_multiple_files=True,
            max_upload_size=LARGEST_IMAGE,
        )
    for each in held:
        if each.file_id not in session().taken:
            _take(each)


def _take(file: Any) -> None:
    """Read an uploaded file once; of too many, the oldest go."""
    mine = session()
    try:
        mine.images[file.name] = take_image(file.name, file.getvalue())
        mine.taken.add(file.file_id)
    except InterpError as error:
        st.error(str(error))
    for name in list(mine.images)[:-MOST]:
        del mine.images[name]
