"""Choosing a model: a registered one, a file from the folder given, or an upload."""

from __future__ import annotations

from typing import Any

import streamlit as st

from interp.plain_text import markdown, visible
from interp_dashboard.layout import show_errors
from interp_dashboard.session import registry, session, setting
from interp_dashboard.upload import LARGEST_MODEL, take_model

UPLOADED = "uploaded: {}"


def choose_model(given: str, uploads: Any, as_given: bool = False) -> tuple[str, str]:
    """The model's label on the page, and its source; the uploader stands in `uploads`.

    At first it is the last uploaded one, or with `as_given` the given one in any case.
    """
    with uploads:
        _upload_model()
    offered, uploaded = model_sources(), list(session().models)
    if uploaded and not as_given:
        given = UPLOADED.format(uploaded[-1])
    if given not in offered:
        st.warning(
            markdown(f"The model {given!r} is not offered here; the default is selected instead.")
        )
    at = list(offered).index(given) if given in offered else 0
    label = st.selectbox(
        "Model",
        list(offered),
        at,
        format_func=visible,
        help="Registered, uploaded, or from a folder",
    )
    return label, offered[label]


def choose_beside(given: str | None, first: str) -> tuple[str | None, str | None]:
    """Label and source of another model, to be set beside the one labelled `first`; or None."""
    offered = {name: source for name, source in model_sources().items() if name != first}
    if given is not None and given not in offered:
        st.warning(markdown(f"The model {given!r} cannot stand beside {first}: it is not offered."))
    label = st.selectbox(
        "Another model beside it (optional)",
        list(offered),
        list(offered).index(given) if given in offered else None,
        format_func=visible,
        key=f"beside {first}",
        placeholder="the same methods and class, side by side",
    )
    return label, None if label is None else offered[label]


def model_sources() -> dict[str, str]:
    """The source of each model that is offered, by its label."""
    return {
        **{each.name: each.name for each in registry().entries("model")},
        **{each: each for each in setting().sources},
        **{name: str(path) for name, path in setting().model_files(registry()).items()},
        **{UPLOADED.format(name): str(path) for name, path in session().models.items()},
    }


def _upload_model() -> None:
    with st.expander("Upload a model"):
        st.caption(
            f"An .onnx file of at most {LARGEST_MODEL} MB. It runs in a process of its own, "
            "with 4 GB of memory, and must answer to an image within 30 seconds. Files that can "
            "run code (.pt2, .pth, .py) are refused."
        )
        held = st.file_uploader("ONNX file", key="model file", max_upload_size=LARGEST_MODEL)
        names = st.file_uploader(
            "Class names (optional): one per line, or a .tsv with a column name", key="class file"
        )
        fields = st.text_input(
            "Input (optional), if the file does not specify it",
            placeholder="resize=crop,mean=.485,.456,.406,std=.229,.224,.225",
            help="size, resize (squash, crop, letterbox), mean, std, order (RGB, BGR)",
        )
        offered = {each.name: each.summary for each in registry().entries("readout")}
        readout = st.radio(
            "What it answers",
            list(offered),
            format_func=markdown,
            captions=[markdown(each) for each in offered.values()],
            help="How the model's answer becomes the scores that are explained.",
        )
    if held is None:
        return
    mine, said = session(), (held.file_id, names and names.file_id, fields, readout)
    if mine.told.get(held.name) == said:
        return
    with show_errors(), st.spinner(f"opening {markdown(held.name)} ..."):
        mine.told[held.name] = said
        mine.models[held.name] = take_model(
            held.name,
            held.getvalue(),
            mine.folder / "models",
            b"" if names is None else names.getvalue(),
            fields,
            readout,
        )
