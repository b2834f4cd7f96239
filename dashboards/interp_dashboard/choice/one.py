"""Choosing one method, the model it explains, its parameters and what it learned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from interp.errors import InterpError
from interp.method import Method
from interp.opening.named import default_model
from interp_dashboard.choice.model import sources
from interp_dashboard.form import form
from interp_dashboard.history import learned, taught
from interp_dashboard.session import registry


class One(NamedTuple):
    """A method and a model: the model's name here, and what opens it."""

    method: str
    label: str
    source: str


def choose_one(verb: Callable[..., Any], key: str) -> One | None:
    """A method that can do this (`Method.fit`), and a model; None where no method can."""
    able = _able(verb)
    if not able:
        st.info("No registered method can do this.")
        return None
    one, two = st.columns(2)
    method = one.selectbox("Method", able, key=f"{key} method")
    st.caption(registry().entry("method", method).summary)
    offered = sources()
    at = list(offered).index(_usual(method, offered, verb))
    label = two.selectbox("Model", list(offered), at, key=f"{key} model of {method}")
    return One(method, label, offered[label])


def _able(verb: Callable[..., Any]) -> list[str]:
    """What cannot be imported is left out here, and told on the page Methods."""
    able = []
    for each in registry().entries("method"):
        try:
            kind = registry().get("method", each.name)
        except InterpError:
            continue
        if getattr(kind, verb.__name__) is not verb:
            able.append(each.name)
    return able


def _usual(method: str, offered: dict[str, str], verb: Callable[..., Any]) -> str:
    """The model that the method trained, if one is offered; else its own, else the first."""
    trained = [name for name, source in offered.items() if taught(Path(source)) == method]
    if trained and verb is not Method.fit:
        return trained[0]
    usual = default_model(registry(), method)
    return usual if usual in offered else next(iter(offered))


def choose_parameters(method: str, key: str) -> dict[str, Any]:
    """What differs from the method's defaults."""
    with st.expander("Parameters"):
        return form(registry().get("method", method).Params, f"{key} {method}", {})


def choose_knowledge(method: str, key: str) -> str | None:
    """A folder of what the method learned; None: what it has of itself."""
    found = learned(method)
    if not found:
        return None
    picked = st.selectbox(
        "Knowledge",
        list(found),
        None,
        key=f"{key} knowledge of {method}",
        placeholder="what comes with the method or the model",
        help="What the method learned on the page Fit. It must be of the model chosen here.",
    )
    return None if picked is None else str(found[picked])
