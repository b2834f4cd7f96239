"""Choosing targets: classes, or one class rather than another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from interp.errors import InterpError
from interp.plain_text import markdown, visible
from interp.target import SEPARATOR, Target, index_text, parse_target
from interp_dashboard.model import Answer


def choose_targets(
    answer: Answer, given: Sequence[str], key: str, others_at: Any
) -> tuple[str, ...]:
    """Targets as class indices; none means every image's own top class.

    What is not among the five best answers is chosen in the container `others_at`.
    """
    classes, best = answer.classes, answer.prediction
    chances = dict(zip(best.indices, best.probabilities, strict=True))
    form = ".2f" if best.unit == "probability" else ".4g"
    targets = _parsed(given, classes)
    wanted = [each.index for each in targets]
    picked = st.pills(
        "What shall be explained? The network's five best answers",
        list(best.indices),
        selection_mode="multi",
        default=[each for each in wanted if each in chances],
        format_func=lambda each: markdown(f"{classes[each]} {chances[each]:{form}}"),
        key=f"targets {key}",
    )
    others = [each for each in range(len(classes)) if each not in chances]
    unusual = any(each.index in others or each.against is not None for each in targets)
    one, two = others_at.expander("Another class, or one rather than another", unusual).columns(2)
    more = one.multiselect(
        "Other classes",
        others,
        [each for each in wanted if each in others],
        format_func=lambda each: visible(classes[each]),
        placeholder="search the class names",
        key=f"others {key}",
    )
    against = two.selectbox(
        "Rather than (optional)",
        range(len(classes)),
        next((each.against for each in targets), None),
        format_func=lambda each: visible(classes[each]),
        placeholder="a class to contrast with",
        help="Explains what speaks for the class rather than for this one.",
        key=f"against {key}",
    )
    return tuple(
        index_text(each, classes)
        if against is None
        else f"{index_text(each, classes)}{SEPARATOR}{index_text(against, classes)}"
        for each in [*picked, *more]
        if each != against
    )


def _parsed(given: Sequence[str], classes: Sequence[str]) -> list[Target]:
    """The targets of an address; a warning for each that the model does not have."""
    found = []
    for each in given:
        try:
            found.append(parse_target(each, classes))
        except InterpError as error:
            st.warning(markdown(error))
    return found
