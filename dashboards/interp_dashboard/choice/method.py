"""Choosing methods: several to compare, or one with its model, parameters and knowledge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from interp.errors import InterpError
from interp.method import Method
from interp.opening.named import default_model
from interp.plain_text import markdown
from interp.registry.manifest import MethodEntry
from interp.request import Choice
from interp_dashboard.choice.model import model_sources
from interp_dashboard.form import form
from interp_dashboard.history import learned, training_method
from interp_dashboard.layout import grid, show_errors
from interp_dashboard.model import layers_of
from interp_dashboard.session import registry
from interp_dashboard.text import on_page

ACROSS = 3


def methods_by_question() -> Iterator[tuple[str, list[MethodEntry]]]:
    """The registered methods, grouped by the question that they answer."""
    entries = [each for each in registry().entries("method") if isinstance(each, MethodEntry)]
    for answer, question in registry().answers.items():
        alike = [each for each in entries if each.answers == answer]
        if alike:
            yield question, alike


def choose_methods(
    given: Sequence[Choice], refused: Mapping[str, str], source: str
) -> tuple[Choice, ...]:
    """The ticked methods, with the parameters that differ from their defaults on a model.

    `refused`: why methods can only fail on the model; they cannot be ticked.
    """
    params = {each.name: each.params for each in given}
    ticked = []
    for question, alike in methods_by_question():
        st.markdown(f"**{markdown(question)}**")
        for column, each in grid(alike, ACROSS):
            key, reason = f"tick {each.name}", refused.get(each.name)
            off = reason is not None
            box = column.checkbox(
                markdown(each.name), each.name in params, key, markdown(each.summary), disabled=off
            )
            if reason is not None:
                column.caption(markdown(on_page(reason)))
            elif box:
                ticked.append(each.name)
    if not ticked:
        return ()
    st.caption("The question marks and the page Methods explain what each one does.")
    return choose_all_parameters(ticked, params, source)


def choose_all_parameters(
    names: Sequence[str], given: Mapping[str, Mapping[str, Any]], source: str, page: str = ""
) -> tuple[Choice, ...]:
    """The methods, each with the parameters that differ from its defaults on a model.

    `page` tells the widgets of one page from another's.
    """
    choices = []
    with st.expander("Parameters"):
        for tab, name in zip(st.tabs([markdown(each) for each in names]), names, strict=True):
            choice = Choice(name=name, params=dict(given.get(name, {})))
            with tab, show_errors(name):
                kind, key = registry().get("method", name).Params, f"{page} {name}".strip()
                changed = form(kind, key, choice.params, partial(layers_of, source))
                knowledge = choose_knowledge(name, page or "compare")
                choice = Choice(name=name, params=changed, knowledge=knowledge)
            choices.append(choice)
    return tuple(choices)


class MethodAndModel(NamedTuple):
    """A method and a model, with the model's label on the page and its source."""

    method: str
    label: str
    source: str


def choose_method_and_model(verb: Callable[..., Any], key: str) -> MethodAndModel | None:
    """A method that implements `verb` (e.g. `Method.fit`), and a model; None without a method."""
    able = _implementing(verb)
    if not able:
        st.info("No registered method can do this.")
        return None
    one, two = st.columns(2)
    method = one.selectbox("Method", able, key=f"{key} method")
    st.caption(markdown(registry().entry("method", method).summary))
    offered = model_sources()
    at = list(offered).index(_usual_model(method, offered, verb))
    label = two.selectbox("Model", list(offered), at, key=f"{key} model of {method}")
    return MethodAndModel(method, label, offered[label])


def _implementing(verb: Callable[..., Any]) -> list[str]:
    """Methods that override `verb`; those that cannot be imported are named on page Methods."""
    able = []
    for each in registry().entries("method"):
        try:
            kind = registry().get("method", each.name)
        except InterpError:
            continue
        if getattr(kind, verb.__name__) is not verb:
            able.append(each.name)
    return able


def _usual_model(method: str, offered: dict[str, str], verb: Callable[..., Any]) -> str:
    """A model that the method trained, if one is offered; else its default, else the first."""
    trained = [name for name, source in offered.items() if training_method(Path(source)) == method]
    if trained and verb is not Method.fit:
        return trained[0]
    usual = default_model(registry(), method)
    return usual if usual in offered else next(iter(offered))


def choose_parameters(method: str, source: str, key: str) -> dict[str, Any]:
    """The parameters that differ from the method's defaults on a model."""
    with st.expander("Parameters"), show_errors(method):
        kind = registry().get("method", method).Params
        return form(kind, f"{key} {method} {source}", {}, partial(layers_of, source))
    return {}


def choose_knowledge(method: str, key: str) -> str | None:
    """A folder of what the method learned; None for what comes with the method."""
    found = learned(method)
    if not found:
        return None
    picked = st.selectbox(
        "Knowledge",
        list(found),
        None,
        key=f"{key} knowledge of {method}",
        placeholder="what comes with the method or the model",
        help="What the method learned on the page Fit. It must belong to the model chosen here.",
    )
    return None if picked is None else str(found[picked])
