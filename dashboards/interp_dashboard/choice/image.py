"""Choosing images: samples, files from the folder given, or uploads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from interp.plain_text import markdown, visible
from interp.storage.image import read_image
from interp.storage.pixel import LoadedImage, to_picture
from interp_dashboard.layout import show_errors
from interp_dashboard.model import ModelCard
from interp_dashboard.session import registry, session, setting
from interp_dashboard.upload import LARGEST_IMAGE, take_image

LISTED = 100
"""Images that are offered at a time; more are searched."""
MOST = 16
"""Images that a visitor may have at a time, uploaded or opened; the oldest are dropped."""


def choose_images(given: Sequence[str], uploads: Any) -> dict[str, LoadedImage]:
    """The chosen images, by name; the uploader stands in `uploads`."""
    with uploads:
        _upload_images()
    uploaded = session().images
    samples = [each.name for each in registry().entries("sample")]
    files: dict[str, Path] = {}
    for name in samples:
        with show_errors(f"sample {name}"):
            files[name] = Path(registry().get("sample", name))
    files |= setting().image_files()
    loaded = session().opened | uploaded
    names = list(loaded | files)
    opened_first = [each for each in given if each in session().opened]
    usual = [each for each in given if each in files] or names[:1]
    first = opened_first or list(uploaded) or usual
    for each in given:
        if each not in loaded and each not in files:
            st.warning(markdown(f"The image {each!r} is not offered here; choose or upload one."))
    key = f"images beside {list(loaded)}"
    picked = (
        st.multiselect("Images", names, first, format_func=visible, key=key)
        if len(names) <= LISTED
        else _searched(names, first, key)
    )
    opened: dict[str, LoadedImage] = {}
    notes: list[str] = []
    for name in picked:
        with show_errors():
            read = loaded[name] if name in loaded else read_image(files[name])
            opened[name] = read
            notes += [f"Note on {name}: {note}" for note in read.notes]
    for note in notes:
        st.caption(markdown(note))
    if opened:
        tiles = [to_picture(each.pixels) for each in opened.values()]
        st.image(tiles, caption=[markdown(each) for each in opened], width=150, alt=list(opened))
    return opened


def _searched(names: Sequence[str], first: Sequence[str], key: str) -> list[str]:
    """The images chosen of many: those found by words, page by page, beside those chosen before."""
    one, two = st.columns([3, 1])
    words = one.text_input(
        f"Search the {len(names):,} images",
        placeholder="a part of the name",
        key=f"words for {key}",
    )
    found = [each for each in names if words.casefold() in each.casefold()] if words else names
    pages = max(1, -(-len(found) // LISTED))
    page = int(two.number_input(f"Page of {pages:,}", 1, pages, key=f"page of {words} {key}"))
    shown = found[(page - 1) * LISTED : page * LISTED]
    kept: list[str] = st.session_state.get(f"chosen {key}", list(first))
    picked = st.multiselect(
        "Images",
        list(dict.fromkeys([*kept, *shown])),
        kept,
        key=f"{page} of {words} {key}",
        placeholder=f"{len(found):,} found",
    )
    st.session_state[f"chosen {key}"] = picked
    return picked


def as_shown(images: dict[str, LoadedImage], model: ModelCard) -> dict[str, np.ndarray]:
    """The images as the model is shown them: (H, W, 3) uint8, or all channels in [0, 1]."""
    channels = model.spec.input.channels
    return {name: each.of(channels).pixels for name, each in images.items()}


def _upload_images() -> None:
    """An uploader; each uploaded file is read once."""
    with st.expander("Upload images"):
        st.caption(
            f"PNG, JPEG, WebP, TIFF, GIF, AVIF, NumPy and more, at most {LARGEST_IMAGE} MB each; "
            f"the last {MOST} stay."
        )
        held = st.file_uploader(
            "Image files",
            key="image files",
            accept_multiple_files=True,
            max_upload_size=LARGEST_IMAGE,
        )
    mine = session()
    for file in held:
        if file.file_id not in mine.taken:
            with show_errors():
                mine.images[file.name] = take_image(file.name, file.getvalue())
                mine.taken.add(file.file_id)
    for name in list(mine.images)[:-MOST]:
        del mine.images[name]
