"""Choosing by eye how an image becomes a model's input, where its file does not say it."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
import yaml

from interp.plain_text import markdown
from interp.spec import IMAGENET_MEAN, IMAGENET_STD, InputSpec
from interp_dashboard.layout import grid, show_errors
from interp_dashboard.model import Answer, answers_under
from interp_dashboard.session import is_own, session
from interp_dashboard.text import on_page
from interp_dashboard.upload import with_input

UNSAID = "no normalisation given"
"""Begins the note on a model whose file does not say it."""
CLIP_MEAN, CLIP_STD = (0.481, 0.458, 0.408), (0.269, 0.261, 0.276)
CAFFE_MEAN = (0.408, 0.458, 0.482)
FLAT = 1.5
"""Most that the best class has, as a multiple of what each would have by chance, in a flat answer.
"""
ACROSS = 3
COLOUR: dict[str, dict[str, Any]] = {
    "ImageNet": {"mean": IMAGENET_MEAN, "std": IMAGENET_STD},
    "0 to 1": {"mean": (0.0,) * 3, "std": (1.0,) * 3},
    "−1 to 1": {"mean": (0.5,) * 3, "std": (0.5,) * 3},
    "0 to 255": {"mean": (0.0,) * 3, "std": (1 / 255,) * 3},
    "CLIP": {"mean": CLIP_MEAN, "std": CLIP_STD},
    "Caffe: BGR, 0 to 255 less the mean": {
        "mean": CAFFE_MEAN,
        "std": (1 / 255,) * 3,
        "order": "BGR",
    },
}
GREY: dict[str, dict[str, Any]] = {
    "0 to 1": {"mean": (0.0,), "std": (1.0,)},
    "−1 to 1": {"mean": (0.5,), "std": (0.5,)},
    "0 to 255": {"mean": (0.0,), "std": (1 / 255,)},
    "MNIST": {"mean": (0.1307,), "std": (0.3081,)},
}


def choose_input(name: str, source: str, given: InputSpec, said: bool, image: np.ndarray) -> None:
    """Show the answers to the image under the usual normalisations, and take the chosen one.

    `said`: whether the model's file or an earlier choice says it. That of an uploaded model is kept
    beside it; of another one, the file that says it is shown.
    """
    ways = {1: GREY, 3: COLOUR}.get(len(given.mean))
    if ways is None or (said and not is_own(source)):
        return
    with st.expander("How does an image become this model's input?", expanded=not said):
        if said and not st.checkbox("Choose it again", key=f"input of {source}"):
            return
        st.write(
            "The file does not say it. These are the model's answers to your image under the usual "
            "normalisations: take the one that gets it right."
        )
        with st.spinner("asking the model ..."):
            found = answers_under(source, image, ways)
        for column, (way, answer) in grid(found.items(), ACROSS):
            with column.container(border=True), show_errors():
                _way(name, source, way, ways[way], answer)


def _way(name: str, source: str, way: str, fields: dict[str, Any], answer: Answer | str) -> None:
    """One normalisation with its answer, and a button that takes it."""
    st.markdown(f"**{markdown(way)}**")
    if isinstance(answer, str):
        st.caption(markdown(on_page(answer)))
        return
    best = answer.prediction
    form = ".2f" if best.unit == "probability" else ".4g"
    listed = zip(best.classes, best.probabilities, strict=True)
    st.text("\n".join(f"{value:{form}}  {each}" for each, value in listed))
    if not is_own(source):
        with st.popover("How to keep it"):
            st.caption(markdown(f"Save this beside the model's file as {name}.interp.yaml:"))
            plainly = {key: list(v) if isinstance(v, tuple) else v for key, v in fields.items()}
            st.code(yaml.safe_dump({"input": plainly}, default_flow_style=None), "yaml")
    elif st.button("Take it", key=f"take {way} for {source}", width="stretch"):
        mine = session()
        kept = next(each for each, path in mine.models.items() if str(path) == source)
        mine.models[kept] = with_input(mine.models[kept], fields)
        st.rerun()


def warn_if_flat(answer: Answer) -> None:
    """Warn where all classes have nearly the same probability."""
    best, count = answer.prediction, len(answer.classes)
    if best.unit == "probability" and count > 2 and best.probabilities[0] * count < FLAT:
        st.warning(
            f"All {count:,} classes have nearly the same probability, 1/{count:,}: the model may "
            "get its input in another way than it was trained with, or was not trained at all."
        )
